"""The page of the HTTP operations and of the webhooks."""

from __future__ import annotations

from ..schema import Body, Model, Operation
from .deviations import Deviations
from .links import Links
from .wording import cell, join, notes_of_parameter, sentence, type_text


def operations_page(model: Model, links: Links, deviations: Deviations) -> str:
    """All operations, those of the account's key first, then what the service calls."""
    lines = ["# HTTP operations", "", "| Operation | Request | What it does |", "|---|---|---|"]
    lines += [
        f"| {links.operation(item)} | {_request(item)} | {cell(sentence(item.description))} |"
        for item in model.operations
    ]
    lines.append("")
    for webhook, title in ((False, "Requests"), (True, "Webhooks")):
        found = [item for item in model.operations if item.webhook is webhook]
        if found:
            lines += [f"## {title}", ""]
        for operation in found:
            lines += _operation(operation, links, deviations)
    return "\n".join(lines)


def _operation(operation: Operation, links: Links, deviations: Deviations) -> list[str]:
    lines = [f"### {operation.summary}", ""]
    if operation.deprecated:
        lines += ["**Deprecated.**", ""]
    lines += [f"{_request(operation)} ({operation.id})", "", links.prose(operation.description), ""]
    if operation.parameters:
        lines += ["| Parameter | In | Type | Description | Notes |", "|---|---|---|---|---|"]
        lines += [
            f"| `{item.name}` | {item.where} | {cell(type_text(item.type, links))} | "
            f"{cell(links.prose(item.description))} | {notes_of_parameter(item)} |"
            for item in operation.parameters
        ]
        lines.append("")
    if operation.bodies:
        need = "required" if operation.body_required else "may be left out"
        lines += [f"Body ({need}):", "", *(_body(body, links) for body in operation.bodies), ""]
    lines += ["| Status | Body | Description |", "|---|---|---|"]
    for answer in operation.answers:
        types = " or ".join(type_text(body.type, links) for body in answer.bodies)
        said = cell(links.prose(answer.description))
        lines.append(f"| {answer.status} | {cell(types)} | {said} |")
    headers = [
        f"- `{name}`: {text}"
        for answer in operation.answers
        for name, text in answer.headers.items()
    ]
    lines += ["", *(["Headers of the answer:", "", *headers, ""] if headers else [])]
    return [*lines, *deviations.of_operation(operation)]


def _request(operation: Operation) -> str:
    if operation.webhook:
        return f"`{operation.path}`"
    return f"`{operation.method.upper()} {operation.path}`"


def _body(body: Body, links: Links) -> str:
    parts = [f"`{name}` as `{media}`" for name, media in body.encoding.items()]
    as_parts = f", with {join(parts)}" if parts else ""
    said = links.prose(body.description)
    return f"- `{body.media_type}`: {type_text(body.type, links)}{as_parts}. {said}"
