"""The generated types and the types of the `openai` package say the same, field by field.

Both are written as schemas (ours from the source that a type checker reads, theirs by pydantic) and
compared like two documents. Nullability, defaults and limits are left out: theirs has no limits,
and gives every optional field None.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from codegen.drift.compare import compare
from codegen.drift.difference import Difference
from codegen.drift.documents import Document, Node
from codegen.drift.roots import Roots

openai = pytest.importorskip("openai", reason="the openai package is not installed")
pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")

if not (find_spec("voxwire_protocol") and find_spec("openai.types.realtime")):
    pytest.skip("voxwire_protocol is not installed", allow_module_level=True)

from openai.types import realtime, webhooks  # noqa: E402
from openai.types.realtime import translations  # noqa: E402
from voxwire_protocol import names, rules, unions  # noqa: E402

GENERATED = Path(rules.__file__).parent
SCALARS = {"str": "string", "bool": "boolean", "int": "integer", "float": "number"}
NOTHING = {"UnsetType", "Unknown", "UnknownEvent"}

EVENTS = {
    "realtime server": (names.REALTIME_SERVER, realtime.RealtimeServerEvent),
    "realtime client": (names.REALTIME_CLIENT, realtime.RealtimeClientEvent),
    "translation server": (names.TRANSLATION_SERVER, realtime.RealtimeTranslationServerEvent),
    "translation client": (names.TRANSLATION_CLIENT, realtime.RealtimeTranslationClientEvent),
}
BODIES = {
    "CallCreateRequest": realtime.call_create_params.CallCreateParams,
    "CallReferRequest": realtime.call_refer_params.CallReferParams,
    "CallRejectRequest": realtime.call_reject_params.CallRejectParams,
    "ClientSecretCreateRequest": realtime.client_secret_create_params.ClientSecretCreateParams,
    "ClientSecretCreateResponse": realtime.ClientSecretCreateResponse,
    "RealtimeSession": realtime.call_accept_params.CallAcceptParams,
    "TranslationClientSecretCreateRequest": (
        translations.client_secret_create_params.ClientSecretCreateParams
    ),
    "TranslationClientSecretCreateResponse": realtime.RealtimeTranslationClientSecretCreateResponse,
    "RealtimeCallIncoming": webhooks.RealtimeCallIncomingWebhookEvent,
}

# Kind and path, `*` for anything -> why it is so.
KNOWN: dict[str, str] = {
    # What servers send, recorded, and theirs does not declare.
    "removed *.obfuscation": "sent with every text delta",
    "removed AssistantMessage.phase": "sent by newer models",
    "removed OutputTokenDetails.reasoning_tokens": "sent by models that reason",
    "removed SessionObject|LegacySession": "other servers still send the flat session of the beta",
    "removed *Content.type=*": "other servers name the parts as the beta did",
    "removed ContentPart.type=output_*": "other servers name the parts as in items",
    # What ours asks less for, because some server leaves it out.
    "changed ConversationItemInputAudioTranscriptionCompleted.usage#required": "left out by xAI",
    "changed ResponseContentPartDone.part#required": "left out by xAI",
    # One class of ours for what is sent and what is received.
    "changed TranslationSession.id#required": "only in answers",
    "changed TranslationSession.type#required": "not in a request",
    "changed TranslationSession.expires_at#required": "only in answers",
    "removed ResponseInputItem|ItemReference": "theirs has it only in the types of parameters",
    # Other ways to write the same.
    "added PcmAudioFormat.rate=24000": "an int; that it is 24000 is in the rules",
    "removed TranscriptionSession.object=*": "a bare string in theirs",
    "changed FunctionTool.parameters#type": "`object` in theirs, a dict in ours",
    "changed McpListedTool.annotations#type": "`object` in theirs, a dict in ours",
    "changed McpListedTool.input_schema#type": "`object` in theirs, a dict in ours",
    "changed TracingConfig.metadata#type": "`object` in theirs, a dict in ours",
}
ALIASES = {
    wire
    for table, _ in EVENTS.values()
    for wire, kind in table.items()
    if wire != names.WIRE_NAMES[kind]
}
"""Wire names of the beta: read into the same classes, and not part of theirs."""


def our_types() -> dict[str, Any]:
    """The classes and unions of the generated package, as schemas."""
    found: dict[str, Any] = {}
    for node in ast.parse((GENERATED / "models.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = _class(node)
    for outer in ast.parse((GENERATED / "unions.py").read_text(encoding="utf-8")).body:
        if isinstance(outer, ast.If):  # `if TYPE_CHECKING`: what is meant
            for node in outer.body:
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    assert node.value is not None
                    union = {"oneOf": _members(node.value)}
                    by = getattr(getattr(unions, node.target.id), "_by", ("type",))
                    found[node.target.id] = union | {"x-discriminator": list(by)}
    return found


def _class(node: ast.ClassDef) -> dict[str, Any]:
    strict = rules.RULES[node.name]
    properties: dict[str, Any] = {}
    for line in node.body:
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            continue
        if "ClassVar" in ast.unparse(line.annotation):
            continue
        properties[line.target.id] = {
            "anyOf": _members(line.annotation),
            "readOnly": bool(strict[line.target.id].get("read_only")),
        }
    required = [name for name in properties if strict[name].get("required")]
    return {"type": "object", "properties": properties, "required": required}


def _members(node: ast.expr) -> list[dict[str, Any]]:
    """The alternatives of an annotation."""
    match node:
        case ast.BinOp(left=left, right=right):
            both = _members(left) + _members(right)
            if {"type": "number"} in both:  # `int | float` is how a number is written
                both = [member for member in both if member != {"type": "integer"}]
            return both
        case ast.Constant(value=None):
            return [{"type": "null"}]
        case ast.Name(id="Any"):
            return [{}]
        case ast.Name(id=name) if name in NOTHING:
            return []
        case ast.Name(id=name) if name in SCALARS:
            return [{"type": SCALARS[name]}]
        case ast.Name(id=name):
            return [{"$ref": f"#/$defs/{name}"}]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            literals = [ast.literal_eval(value) for value in values]
            return [{"enum": [value for value in literals if value not in ALIASES]}]
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return [{"type": "array", "items": {"anyOf": _members(inner)}}]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, inner])):
            members = _members(inner)
            return [{"type": "object", "additionalProperties": {"anyOf": members}}]
    raise AssertionError(f"a type of an unknown form: {ast.unparse(node)}")


def ours(types: dict[str, Any]) -> Roots:
    document = Document({"ours": {"$defs": types}})
    roots = Roots()
    for label, (table, _) in EVENTS.items():
        roots.events[label] = {
            names.WIRE_NAMES[kind]: document.node("ours", "$defs", kind.__name__)
            for kind in table.values()
        }
    roots.webhooks = {name: document.node("ours", "$defs", name) for name in BODIES}
    return roots


def theirs() -> Roots:
    roots = Roots()
    for label, (_, union) in EVENTS.items():
        root = _root(label, union)
        roots.events[label] = {}
        for member in (*root.children("anyOf"), *root.children("oneOf")):
            tag = member.resolved().child("properties", "type").value
            roots.events[label][tag["const"]] = member.resolved()
    roots.webhooks = {name: _root(name, kind).resolved() for name, kind in BODIES.items()}
    return roots


def _root(name: str, kind: Any) -> Node:
    return Document({name: pydantic.TypeAdapter(kind).json_schema()}).node(name)


@cache
def differences() -> list[Difference]:
    return compared(our_types())


def compared(types: dict[str, Any]) -> list[Difference]:
    found, _ = compare(ours(types), theirs())
    looked = {"event", "webhook", "field", "member", "value", "type", "required"}
    return [d for d in found if d.what in looked and not d.path.endswith("#values")]


def _fits(pattern: str, difference: Difference) -> bool:
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), f"{difference.kind} {difference.path}") is not None


def test_both_have_the_same_events() -> None:
    for label, table in theirs().events.items():
        assert table.keys() == ours(our_types()).events[label].keys()


def test_nothing_differs_but_what_is_known() -> None:
    found = [d for d in differences() if not any(_fits(known, d) for known in KNOWN)]
    assert [f"{d.kind} {d.path}: ours {d.ours}, theirs {d.upstream}" for d in found] == []


@pytest.mark.parametrize("known", KNOWN)
def test_what_is_known_is_still_so(known: str) -> None:
    assert any(_fits(known, d) for d in differences()), "remove the entry"


def test_a_difference_would_be_found() -> None:
    types = our_types()
    del types["FunctionCallOutput"]["properties"]["output"]
    types["ServerVad"]["properties"]["patience"] = {"type": "integer"}
    types["ResponseDone"]["properties"]["response"] = {"type": "string"}
    found = {f"{d.kind} {d.path}" for d in compared(types)}
    new = found - {f"{d.kind} {d.path}" for d in differences()}
    assert new == {
        "added FunctionCallOutput.output",
        "removed ServerVad.patience",
        "changed ResponseDone.response#type",
    }
