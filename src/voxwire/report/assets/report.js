"use strict";
// Draws what is in the page: all that is to be known was worked out before. Texts of a recording
// go into the page as text only, never as markup.
(() => {
  const $ = id => document.getElementById(id);
  const el = (tag, cls, text) => {
    const node = document.createElement(tag);
    if (cls) node.className = cls;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  };
  const number = new Intl.NumberFormat("en");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const small = matchMedia("(max-width: 820px)");

  // --- what is shown ---------------------------------------------------------------------------
  let report = { source: "", sessions: [], tables: {} };
  let session = null, at = -1, turn = null, row = null;
  let from = 0, to = 1;             // the part of the timeline that is in view, in seconds
  let shown = [];                   // the indices of the rows that pass the filters
  let tab = "events", chosen = false;
  const live = "live" in document.documentElement.dataset;

  const two = n => String(n).padStart(2, "0");
  function clock(seconds, digits = 2) {
    const s = Math.max(0, seconds), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    const rest = (s % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    return h ? `${h}:${two(m)}:${rest}` : `${m}:${rest}`;
  }
  const ms = value => value >= 1000 ? `${(value / 1000).toFixed(2)} s` : `${Math.round(value)} ms`;
  const length = s => s < 1 ? `${Math.round(s * 1000)} ms` : `${s.toFixed(1)} s`;
  const money = value => `$${value < 0.01 ? value.toFixed(5) : value.toFixed(4)}`;
  const when = seconds => session.timed ? clock(seconds) : `#${rowAt(seconds) + 1}`;

  const bytes = text => {
    const raw = atob(text), data = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) data[i] = raw.charCodeAt(i);
    return data;
  };
  function rowAt(seconds) {         // the last row that is not later
    let low = 0, high = session.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (session.rows[middle].at <= seconds) low = middle; else high = middle - 1;
    }
    return low;
  }
  const place = n => n - session.rows[0].n;  // of a row's number in the file

  function prepare(one) {
    for (const lane of ["user", "model"])
      for (const wave of one.waves[lane] || []) wave.levels ||= bytes(wave.peaks);
    one.byId = new Map(one.turns.map(t => [t.id, t]));
    one.names = new Map();
    one.duration = Math.max(one.duration, 0.1);
    return one;
  }

  // --- a session -------------------------------------------------------------------------------
  function show(index) {
    at = index;
    session = prepare(report.sessions[index]);
    turn = row = null;
    from = 0; to = session.duration;
    $("session").value = String(index);
    $("detail").hidden = true;
    stop();
    drawAll();
    filter();
    $("rows").scrollTop = 0;
  }
  function drawAll() {
    drawHead(); drawTypes(); drawTurns(); drawPanels(); drawTimeline();
  }
  function drawHead() {
    $("source").textContent = report.source;
    document.title = `${report.source} – session report`;
    const choose = $("session");
    choose.replaceChildren(...report.sessions.map((one, i) => {
      const option = el("option", "", `${i + 1} of ${report.sessions.length}: ${one.title}`);
      option.value = String(i);
      return option;
    }));
    choose.value = String(at);
    $("chooser").hidden = report.sessions.length < 2;
    $("tiles").replaceChildren(...session.tiles.map(tile => {
      const box = el("button", `tile ${tile.level || ""}`);
      box.type = "button";
      box.append(el("span", "label", tile.label), el("span", "value", tile.value), el("span", "note", tile.note));
      box.onclick = () => { open(tile.tab); if (!small.matches) $(`panel-${tile.tab}`).scrollIntoView({ block: "nearest" }); };
      return box;
    }));
    const notes = [];
    if (!session.timed) notes.push("This recording has no times: events follow each other at equal steps, sound takes its own length, and nothing is measured.");
    if (report.sound) notes.push(report.sound);
    $("notice").textContent = notes.join(" ");
    $("notice").hidden = !notes.length;
  }

  // --- the transcript --------------------------------------------------------------------------
  function drawTurns() {
    const list = $("turns"), top = list.scrollTop, wasAtEnd = list.scrollHeight - top - list.clientHeight < 60;
    const before = made;
    made = new Map();
    const nodes = session.turns.map((one, index) => {
      const as = `${at} ${index} ${JSON.stringify(one)}`, node = before.get(as) || turnNode(one, index);
      node.onclick = () => choose(one);
      made.set(as, node);
      return node;
    });
    if (!nodes.length) nodes.push(el("p", "turn none", "Nothing was said."));
    nodes.forEach((node, i) => { if (list.children[i] !== node) list.insertBefore(node, list.children[i] || null); });
    while (list.children.length > nodes.length) list.lastChild.remove();
    list.scrollTop = live && wasAtEnd ? list.scrollHeight : top;
    mark();
  }
  let made = new Map();              // the nodes of turns as they were drawn last
  const KINDS = { speech_to_audio: "first sound after", request_to_content: "answered after", response_to_audio: "sound after", response_to_text: "text after", speech_to_transcript: "transcribed after", tool: "took", interruption: "cut off after" };
  function turnNode(one, index) {
    const node = el("div", `turn ${one.kind}${one.deleted ? " gone" : ""}`);
    node.id = `turn-${index}`;
    node.role = "option";
    node.ariaSelected = "false";
    const body = el("div");
    body.append(el("div", "who", one.who));
    const said = el("div", "said", one.text);
    if (one.unheard) said.append(el("span", "unheard", one.unheard));
    if (one.missing || !one.text && !one.unheard) said.append(el("span", "none", one.missing || (one.spoken ? "no words" : "empty")));
    body.append(said);
    // An output that reports an error says nothing beside it.
    if (one.output !== null && one.output !== undefined && !one.error) body.append(el("div", "gave", `→ ${one.output}`));
    if (one.error) body.append(el("div", "bad", one.error));
    const meta = el("div", "meta");
    if (one.clips.some(clip => session.sounds[clip.sound])) {
      const play = el("button", "act", "▶ Play");
      play.type = "button";
      play.tabIndex = -1;
      play.setAttribute("aria-label", `Play the audio of this turn: ${one.who}`);
      play.onclick = event => { event.stopPropagation(); choose(one, false); playTurn(one); };
      meta.append(play);
    }
    const chip = (text, cls = "") => meta.append(el("span", `chip ${cls}`, text));
    if (one.heard !== null && one.heard < one.audio) chip(`heard ${length(one.heard)} of ${length(one.audio)}`, "warning");
    else if (one.audio) chip(length(one.audio));
    if (one.interrupted) chip("cut off", "warning");
    if (one.deleted) chip("deleted", "warning");
    if (one.aside) chip("beside the conversation");
    if (one.unconfirmed) chip("the server never showed it", "warning");
    for (const [key, value] of Object.entries(one.latencies)) chip(`${KINDS[key] || key} ${ms(value)}`);
    if (one.tokens.input + one.tokens.output > 0) chip(`${number.format(one.tokens.input)} + ${number.format(one.tokens.output)} tokens`);
    if (one.amount !== null) chip(money(one.amount));
    const rows = el("button", "act", "Events");
    rows.type = "button";
    rows.tabIndex = -1;
    rows.onclick = event => { event.stopPropagation(); choose(one, false); showEvents(one); };
    if (one.rows) meta.append(rows);
    body.append(meta);
    node.append(el("div", "when", when(one.at)), body);
    return node;
  }
  function choose(which, scroll = true) {
    const one = turn = session.byId.get(which.id) || which;
    mark();
    const node = $(`turn-${session.turns.indexOf(one)}`);
    if (scroll && node) node.scrollIntoView({ block: "nearest" });
    if (one.at > to || one.end < from) look(one.at - (to - from) / 3, one.at + (to - from) * 2 / 3);
    else drawBars();
  }
  function mark() {
    const index = turn ? session.turns.indexOf(turn) : -1;
    for (const node of $("turns").querySelectorAll('[aria-selected="true"]')) node.ariaSelected = "false";
    const node = $(`turn-${index}`);
    if (node) node.ariaSelected = "true";
    if (node) $("turns").setAttribute("aria-activedescendant", node.id);
    else $("turns").removeAttribute("aria-activedescendant");
  }
  function move(step) {
    if (!session.turns.length) return;
    const index = turn ? session.turns.indexOf(turn) + step : step > 0 ? 0 : session.turns.length - 1;
    choose(session.turns[Math.min(session.turns.length - 1, Math.max(0, index))]);
  }
  function showEvents(one) {
    if (!one.rows) return;
    open("events");
    chooseRow(place(one.rows[0]), true);
  }

  // --- the events ------------------------------------------------------------------------------
  function drawTypes() {
    const counts = new Map(), select = $("type"), before = select.value;
    for (const one of session.rows) counts.set(one.type, (counts.get(one.type) || 0) + 1);
    const all = el("option", "", "all types");
    all.value = "";
    select.replaceChildren(all, ...[...counts].sort((a, b) => a[0] < b[0] ? -1 : 1).map(([name, count]) => {
      const option = el("option", "", `${name} (${number.format(count)})`);
      option.value = name;
      return option;
    }));
    select.value = counts.has(before) ? before : "";
  }
  function filter() {
    const way = $("direction").value, type = $("type").value, bad = $("only-bad").checked;
    const sound = $("with-sound").checked || type, word = $("search").value.trim().toLowerCase();
    shown = [];
    session.rows.forEach((one, i) => {
      if (way && one.dir !== way || type && one.type !== type || bad && !one.level) return;
      if (!sound && one.audio && !one.level) return;
      if (word && !has(one.type, word) && !has(one.text, word) && !has(one.raw, word)) return;
      shown.push(i);
    });
    let turns = 0, first = null;
    session.turns.forEach((one, i) => {
      const hit = !word || [one.text, one.unheard, one.output, one.who, one.error].some(text => has(text, word));
      turns += hit;
      if (hit && word) first ||= $(`turn-${i}`);
      $(`turn-${i}`)?.classList.toggle("other", !hit);
    });
    if (first) $("turns").scrollTop = first.offsetTop - $("turns").offsetTop;
    $("found").textContent = word ? `${number.format(turns)} turn${turns === 1 ? "" : "s"}, ${number.format(shown.length)} event${shown.length === 1 ? "" : "s"}` : "";
    drawRows(true);
  }
  const has = (text, word) => Boolean(text) && text.toLowerCase().includes(word);
  let height = 30;
  function drawRows(anew = false) {
    const list = $("rows"), all = $("rows-all");
    height = small.matches ? 50 : 30;
    all.style.height = `${shown.length * height}px`;
    if (anew) all.replaceChildren();
    const first = Math.max(0, Math.floor(list.scrollTop / height) - 8);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + 8);
    const there = new Map([...all.children].map(node => [Number(node.dataset.i), node]));
    for (const [i, node] of there) if (i < first || i >= last) node.remove();
    for (let i = first; i < last; i++) if (!there.has(i)) all.append(rowNode(i));
    if (!shown.length && !all.firstChild) all.append(el("p", "empty", "No event passes the filters."));
  }
  const ARROWS = { sent: "↑", received: "↓", closed: "×", note: "·" };
  function rowNode(i) {
    const one = session.rows[shown[i]];
    const node = el("div", `row ${one.dir}${one.level ? ` lv-${one.level}` : ""}`);
    node.dataset.i = String(i);
    node.id = `row-${one.n}`;
    node.role = "option";
    node.ariaSelected = String(one === row);
    node.setAttribute("aria-setsize", String(shown.length));
    node.setAttribute("aria-posinset", String(i + 1));
    node.style.top = `${i * height}px`;
    const dir = el("span", "dir", ARROWS[one.dir]);
    dir.title = one.dir;
    dir.setAttribute("aria-label", one.dir);
    if (!small.matches) node.append(el("span", "n", String(one.n)), el("span", "at", session.timed ? clock(one.at) : ""));
    else node.append(el("span", "at", session.timed ? clock(one.at, 1) : String(one.n)));
    node.append(dir, el("span", "type", one.type));
    node.append(el("span", "says", one.text || ""));
    node.onclick = () => chooseRow(shown[i]);
    return node;
  }
  function chooseRow(index, widen = false) {
    const one = session.rows[index];
    if (!one) return;
    let i = shown.indexOf(index);
    if (i < 0 && widen) {           // what is asked for is shown, whatever the filters were
      for (const id of ["direction", "type", "search"]) $(id).value = "";
      $("only-bad").checked = false;
      if (one.audio) $("with-sound").checked = true;
      filter();
      i = shown.indexOf(index);
    }
    row = one;
    const list = $("rows"), top = i * height;
    $("detail").hidden = false;
    $("detail-title").textContent = `${one.n}  ${ARROWS[one.dir]} ${one.type}${session.timed ? `  at ${clock(one.at, 3)}` : ""}${one.size ? `, ${number.format(one.size)} bytes` : ""}`;
    $("raw").textContent = pretty(one.raw || "");
    $("raw").scrollTop = 0;
    if (i >= 0 && (top < list.scrollTop || top + height > list.scrollTop + list.clientHeight)) list.scrollTop = top - list.clientHeight / 3;
    drawRows();
    $("detail").scrollIntoView({ block: "nearest" });
    for (const node of $("rows-all").children) node.ariaSelected = String(node.id === `row-${one.n}`);
    list.setAttribute("aria-activedescendant", `row-${one.n}`);
  }
  function pretty(raw) {
    const [first, ...rest] = raw.split("\n");
    try { return [JSON.stringify(JSON.parse(first), null, 2), ...rest].join("\n"); } catch { return raw; }
  }
  function moveRow(step) {
    if (!shown.length) return;
    const index = row ? shown.indexOf(place(row.n)) + step : 0;
    chooseRow(shown[Math.min(shown.length - 1, Math.max(0, index))]);
  }
  let lastBad = -1;
  function nextBad() {
    const rows = session.rows, bad = i => rows[i].level === "error" || rows[i].level === "warning";
    for (let k = 1; k <= rows.length; k++) {
      const i = (lastBad + k + rows.length) % rows.length;
      if (bad(i)) { lastBad = i; open("events"); chooseRow(i, true); return; }
    }
  }

  // --- the other panels ------------------------------------------------------------------------
  function open(name) {
    if (name === "transcript" && !small.matches) { $("turns").focus(); return; }
    tab = name;
    document.querySelector(".columns").classList.toggle("list", name === "transcript");
    for (const button of document.querySelectorAll('[role="tab"]')) {
      const on = button.id === `tab-${name}`;
      button.ariaSelected = String(on);
      button.tabIndex = on ? 0 : -1;
    }
    for (const panel of document.querySelectorAll('[role="tabpanel"]')) panel.hidden = panel.id !== `panel-${name}`;
    if (name === "events") drawRows();
    if (!session || !small.matches) return;
    $(`tab-${name}`).scrollIntoView({ block: "nearest", inline: "nearest" });
    document.querySelector(".columns").scrollIntoView({ block: "start" });
  }
  function drawPanels() {
    drawProblems(); drawLatency(); drawUsage();
    const facts = el("dl", "facts");
    for (const [label, value] of session.facts) facts.append(el("dt", "", label), el("dd", "", value));
    $("panel-session").replaceChildren(facts);
  }
  function drawProblems() {
    const panel = $("panel-problems"), button = $("tab-problems");
    const worst = session.findings[0]?.level, count = session.findings.length;
    button.replaceChildren("Problems");
    if (count) button.append(el("span", `count ${worst}`, String(count)));
    panel.replaceChildren(...session.findings.map(one => {
      const box = el("button", `finding ${one.level}`);
      box.type = "button";
      const times = one.count > 1 ? `, ${number.format(one.count)} times` : "";
      const where = one.rows.length ? `event ${one.rows.slice(0, 6).join(", ")}${one.count > 6 ? " …" : ""}` : "";
      box.append(el("span", "what", `${one.level === "error" ? "✕ " : one.level === "warning" ? "▲ " : ""}${one.what}`), el("span", "told", one.text));
      box.append(el("span", "where", `${one.level}${session.timed ? ` at ${clock(one.at)}` : ""}${times}${where ? ` · ${where}` : ""}`));
      let next = 0;
      box.onclick = () => {
        if (!one.rows.length) return;
        open("events");
        chooseRow(place(one.rows[next++ % one.rows.length]), true);
      };
      return box;
    }));
    if (!count) panel.append(el("p", "explained", "Nothing out of the ordinary."));
  }
  function table(head, rows, caption) {
    const made = el("table"), top = el("tr"), body = el("tbody"), thead = el("thead");
    if (caption) made.append(el("caption", "", caption));
    for (const name of head) { const th = el("th", name.num ? "num" : "", name.text ?? name); th.scope = "col"; top.append(th); }
    for (const cells of rows) {
      const line = el("tr", cells.sum ? "sum" : "");
      cells.forEach((cell, i) => {
        const td = el("td", head[i]?.num ? "num" : "");
        td.append(cell);
        line.append(td);
      });
      body.append(line);
    }
    thead.append(top);
    made.append(thead, body);
    return made;
  }
  const num = text => ({ text, num: true });
  function drawLatency() {
    const panel = $("panel-latency");
    panel.replaceChildren();
    if (!session.timings.length) {
      panel.append(el("p", "explained", session.timed ? "There was nothing to measure." : "The recording has no times."));
      return;
    }
    for (const one of session.timings) {
      panel.append(el("h3", "", one.name), el("span", "explained", one.explained));
      panel.append(table([num("median"), num("95 % within"), num("longest"), num("times")],
        [[ms(one.median), ms(one.p95), ms(one.max), number.format(one.values.length)]]));
      if (one.values.length < 2) continue;
      const dots = el("div", "dots"), last = one.values.slice(-200);
      last.forEach(([id, value], i) => {
        const dot = el("button");
        dot.type = "button";
        dot.tabIndex = -1;
        dot.title = ms(value);
        dot.setAttribute("aria-label", ms(value));
        dot.style.left = `${(i + 0.5) / last.length * 100}%`;
        dot.style.width = `${Math.max(2, Math.min(18, 300 / last.length))}px`;
        dot.style.height = `${Math.max(4, value / one.max * 100)}%`;
        dot.onclick = () => { const t = session.byId.get(id); if (t) choose(t); };
        dots.append(dot);
      });
      panel.append(dots);
    }
  }
  function drawUsage() {
    const panel = $("panel-usage"), cost = session.usage.cost, lines = cost.lines;
    panel.replaceChildren();
    if (!lines.length) { panel.append(el("p", "explained", "The server told of no tokens.")); return; }
    const tokens = lines.filter(line => line.unit === "tokens");
    const total = tokens.reduce((sum, line) => sum + line.quantity, 0);
    const colours = new Map(lines.map((line, i) => [line, `k${Math.min(5, i)}`]));
    const share = el("div", "share");
    share.setAttribute("aria-hidden", "true");
    for (const line of tokens) {
      const part = el("span", colours.get(line));
      part.style.flexGrow = String(line.quantity / (total || 1));
      part.title = `${line.what}: ${number.format(line.quantity)}`;
      share.append(part);
    }
    const rows = lines.map(line => {
      const what = el("span");
      what.append(el("span", `key ${colours.get(line)}`), line.what);
      if (line.model) what.append(el("span", "explained", line.model));
      return [what, number.format(Math.round(line.quantity * 100) / 100) + (line.unit === "tokens" ? "" : ` ${line.unit}`), line.amount === null ? "no price" : money(line.amount)];
    });
    const sum = ["Total", number.format(total), money(cost.total)];
    sum.sum = true;
    panel.append(el("h3", "", "By kind"), share, table(["What", num("Tokens"), num("US dollars")], [...rows, sum]));
    if (!cost.complete) panel.append(el("p", "explained", "What has no known price is not in the sum."));
    const entries = session.usage.entries.filter(e => e.cost.lines.length);
    if (entries.length > 1) {
      panel.append(el("h3", "", "One by one"), table(["What", num("In"), num("Cached"), num("Out"), num("US dollars")], entries.map(e => [
        `${e.kind}${e.status && e.status !== "completed" ? `, ${e.status}` : ""}`,
        number.format((e.kind === "transcription" ? e.transcription.input : e.input).total), number.format(e.cached.total),
        number.format((e.kind === "transcription" ? e.transcription.output : e.output).total),
        e.cost.complete ? money(e.cost.total) : "no price",
      ])));
    }
  }

  // --- the timeline ----------------------------------------------------------------------------
  const width = () => $("view").clientWidth;
  const x = seconds => (seconds - from) / (to - from) * width();
  function look(a, b) {
    const span = Math.min(session.duration, Math.max(0.05, b - a));
    from = Math.max(0, Math.min(a, session.duration - span));
    to = from + span;
    drawTimeline();
  }
  function zoom(factor, around = (from + to) / 2) {
    look(around - (around - from) * factor, around + (to - around) * factor);
  }
  let asked = 0;
  function drawTimeline() {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      if (!session) return;
      drawAxis(); drawWave("user"); drawWave("model"); drawBars(); drawOverview(); drawCursor();
    });
  }
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  function drawAxis() {
    const axis = $("axis"), wide = width(), span = to - from;
    axis.replaceChildren();
    const step = STEPS.find(s => s * wide / span >= 74) || Math.pow(10, Math.ceil(Math.log10(span / wide * 74)));
    for (let t = Math.ceil(from / step) * step; t <= to && x(t) < wide - 38; t += step) {
      const tick = el("span", "tick", session.timed ? clock(t, step < 0.1 ? 2 : step < 1 ? 1 : 0) : `#${session.rows[rowAt(t)]?.n ?? ""}`);
      tick.style.left = `${x(t)}px`;
      axis.append(tick);
    }
    const flags = $("flags"), there = [];
    flags.hidden = !session.findings.some(one => one.level !== "note" && one.rows.length);
    flags.replaceChildren();
    for (const one of session.findings) {
      if (one.level === "note") continue;
      for (const n of one.rows.slice(0, 20)) {
        const found = session.rows[place(n)];
        if (!found || found.at < from || found.at > to) continue;
        const spot = x(found.at);    // errors come first: what is less bad makes way
        if (there.some(other => Math.abs(other - spot) < 10)) continue;
        there.push(spot);
        const flag = el("button", `flag ${one.level}`, "!");
        flag.type = "button";
        flag.title = `${one.what}: ${one.text}`;
        flag.setAttribute("aria-label", flag.title);
        flag.style.left = `${Math.min(wide - 10, Math.max(10, spot))}px`;
        flag.onclick = () => { open("events"); chooseRow(place(n), true); };
        flags.append(flag);
      }
    }
  }
  function fit(canvas) {
    const ratio = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    const w = Math.round(box.width * ratio), h = Math.round(box.height * ratio);
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, w, h);
    return [pen, w, h];
  }
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  function columns(waves, start, end, wide) {
    const peaks = new Uint8Array(wide), scale = wide / (end - start);
    for (const wave of waves) {
      if (wave.end < start || wave.at > end) continue;
      const levels = wave.levels, count = levels.length, step = (wave.end - wave.at) / count;
      const first = Math.max(0, Math.floor((start - wave.at) / (step || 1)));
      for (let i = first; i < count; i++) {
        const left = Math.max(0, Math.floor((wave.at + i * step - start) * scale));
        if (left >= wide) break;
        const right = Math.min(wide - 1, Math.max(left, Math.ceil((wave.at + (i + 1) * step - start) * scale) - 1));
        for (let c = left; c <= right; c++) if (levels[i] > peaks[c]) peaks[c] = levels[i];
      }
    }
    return peaks;
  }
  function draw(pen, peaks, middle, half, fill) {
    pen.fillStyle = fill;
    for (let c = 0; c < peaks.length; c++) {
      if (!peaks[c]) continue;      // quiet speech is to be seen, too
      const h = Math.max(1, Math.sqrt(peaks[c] / 127) * half);
      pen.fillRect(c, middle - h, 1, 2 * h);
    }
  }
  function drawWave(lane) {
    const [pen, w, h] = fit($(`wave-${lane}`));
    if (!w) return;
    pen.fillStyle = colour("--line");
    pen.fillRect(0, Math.floor(h / 2), w, 1);
    draw(pen, columns(session.waves[lane] || [], from, to, w), h / 2, h / 2 - 3, colour(`--${lane}-wave`));
  }
  function drawOverview() {
    const [pen, w, h] = fit($("wave-all"));
    if (!w) return;
    draw(pen, columns(session.waves.user || [], 0, session.duration, w), h * 0.28, h * 0.25, colour("--user-wave"));
    draw(pen, columns(session.waves.model || [], 0, session.duration, w), h * 0.74, h * 0.25, colour("--model-wave"));
    for (const bar of session.bars) {
      if (bar.lane === "tools" || (session.waves[bar.lane] || []).length) continue;
      pen.fillStyle = colour(`--${bar.lane}-wave`);
      pen.fillRect(bar.at / session.duration * w, bar.lane === "user" ? h * 0.2 : h * 0.64, Math.max(2, (bar.end - bar.at) / session.duration * w), h * 0.16);
    }
    const brush = $("brush");
    brush.hidden = from <= 0 && to >= session.duration;
    brush.style.left = `${from / session.duration * 100}%`;
    brush.style.width = `${(to - from) / session.duration * 100}%`;
  }
  const NAMES = { speech: "Speech", sent: "Sent", playback: "Heard", response: "Response", tool: "Tool" };
  function drawBars() {
    const made = { user: [], model: [], tools: [] }, wide = width(), ends = new Map();
    for (const bar of session.bars) {
      if (bar.end < from || bar.at > to) continue;
      const left = Math.max(-4, x(bar.at)), right = Math.min(wide + 4, x(bar.end)), key = bar.lane + bar.kind;
      const mine = turn && bar.turn === turn.id;
      if (right - (ends.get(key) ?? -9) < 1 && !mine) continue;  // nothing would be seen of it
      ends.set(key, right);
      const node = el("button", `b ${bar.kind}${bar.open ? " open" : ""}${bar.cut ? " cut" : ""}${mine ? " chosen" : ""}${right - left < 26 ? " narrow" : ""}`);
      node.type = "button";
      node.tabIndex = -1;
      if (right - left >= 26 && bar.kind !== "response") node.textContent = bar.label;
      const lasts = session.timed ? `, ${length(bar.end - bar.at)}` : "";
      node.title = `${NAMES[bar.kind]}${lasts}${bar.label ? `: ${bar.label.slice(0, 200)}` : ""}`;
      node.setAttribute("aria-label", node.title);
      node.style.left = `${left}px`;
      node.style.width = `${Math.max(0, right - left)}px`;
      const one = session.byId.get(bar.turn);
      if (one) { node.onclick = () => { if (!dragged) { choose(one); if (bar.kind === "playback" || bar.kind === "speech") playTurn(one); } }; }
      made[bar.lane].push(node);
    }
    for (const lane of ["user", "model", "tools"]) $(`bars-${lane}`).replaceChildren(...made[lane]);
    $("lane-tools").hidden = !session.bars.some(bar => bar.lane === "tools");
  }
  let dragged = false;
  function grab() {
    const view = $("view");
    let start = null;
    view.onpointerdown = event => {
      if (event.button) return;
      start = { x: event.clientX, from, to };
      dragged = false;
    };
    addEventListener("pointermove", event => {
      if (!start || event.pointerType === "mouse" && !event.buttons) { start = null; return; }
      const far = event.clientX - start.x;
      if (Math.abs(far) > 4) { dragged = true; view.classList.add("dragging"); }
      if (dragged) look(start.from - far / width() * (start.to - start.from), start.to - far / width() * (start.to - start.from));
    });
    addEventListener("pointerup", () => { start = null; view.classList.remove("dragging"); setTimeout(() => { dragged = false; }); });
    addEventListener("pointercancel", () => { start = null; view.classList.remove("dragging"); });
    view.onclick = event => {
      const lane = event.target.closest(".lane");
      if (dragged || !lane || event.target.closest("button")) return;
      const moment = from + (event.clientX - view.getBoundingClientRect().left) / width() * (to - from);
      playMoment(lane.classList.contains("user") ? "user" : "model", moment);
    };
    view.addEventListener("wheel", event => {
      const moment = from + (event.clientX - view.getBoundingClientRect().left) / width() * (to - from);
      if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(Math.exp(event.deltaY / 240), moment); }
      else if (event.deltaX) { event.preventDefault(); pan(event.deltaX / width()); }
    }, { passive: false });
    const overview = $("overview");
    const to_ = event => {
      const box = overview.getBoundingClientRect(), middle = (event.clientX - box.left) / box.width * session.duration, half = (to - from) / 2;
      if (half * 2 >= session.duration) look(middle - session.duration / 10, middle + session.duration / 10);
      else look(middle - half, middle + half);
    };
    overview.onpointerdown = event => { overview.setPointerCapture(event.pointerId); to_(event); overview.onpointermove = to_; };
    overview.onpointerup = () => { overview.onpointermove = null; };
  }
  const pan = share => look(from + share * (to - from), to + share * (to - from));

  // --- sound -----------------------------------------------------------------------------------
  const audio = new Audio();
  let playing = null, address = "", frame = 0;
  async function samples(id) {       // 16 bits, whatever the sound was in
    const sound = session.sounds[id];
    if (!sound) return null;
    let data;
    if (live) data = new Uint8Array(await (await fetch(`sound/${at}/${sound.n}`)).arrayBuffer());
    else {
      const holder = document.querySelector(`script[data-sound="${at}-${sound.n}"]`);
      if (!holder) return null;
      data = bytes(holder.textContent);
    }
    const table = report.tables[sound.format];
    if (!table) return [new Int16Array(data.buffer.slice(0, data.length & ~1)), sound.rate];
    const codes = new Int16Array(bytes(table).buffer), decoded = new Int16Array(data.length);
    for (let i = 0; i < data.length; i++) decoded[i] = codes[data[i]];
    return [decoded, sound.rate];
  }
  function wav(parts, rate) {
    const count = parts.reduce((sum, part) => sum + part.length, 0);
    const data = new DataView(new ArrayBuffer(44 + 2 * count));
    const word = (offset, text) => [...text].forEach((c, i) => data.setUint8(offset + i, c.charCodeAt(0)));
    word(0, "RIFF"); data.setUint32(4, 36 + 2 * count, true); word(8, "WAVEfmt ");
    data.setUint32(16, 16, true); data.setUint16(20, 1, true); data.setUint16(22, 1, true);
    data.setUint32(24, rate, true); data.setUint32(28, 2 * rate, true); data.setUint16(32, 2, true);
    data.setUint16(34, 16, true); word(36, "data"); data.setUint32(40, 2 * count, true);
    let offset = 22;
    const out = new Int16Array(data.buffer);
    for (const part of parts) { out.set(part, offset); offset += part.length; }
    return new Blob([data], { type: "audio/wav" });
  }
  async function play(clips, what, begin, start = 0) {
    stop();
    const mine = playing = { what, begin, turn };
    const parts = [];
    let rate = 0;
    for (const clip of clips) {
      const got = await samples(clip.sound);
      if (playing !== mine) return;  // something else was asked for meanwhile
      if (!got) continue;
      const [data, own] = got;
      rate ||= own;
      let part = data.subarray(Math.floor(clip.start * own), Math.ceil(clip.end * own));
      if (own !== rate) part = Int16Array.from({ length: Math.floor(part.length * rate / own) }, (_, i) => part[Math.floor(i * own / rate)]);
      parts.push(part);
    }
    if (!parts.length) { playing = null; say("There is no sound of this in the report."); return; }
    address = URL.createObjectURL(wav(parts, rate));
    audio.src = address;
    audio.currentTime = start;
    $("player").hidden = false;
    $("playing").textContent = what;
    try { await audio.play(); } catch (error) { if (playing === mine) say(`The sound cannot be played: ${error.message}`); }
    tick();
  }
  function playTurn(one) {
    if (!one.clips.some(clip => session.sounds[clip.sound])) { say(one.spoken ? "The sound of this turn is not in the report." : "There is no sound in this turn."); return; }
    const bar = session.bars.find(b => b.turn === one.id && (b.kind === "playback" || b.kind === "speech"));
    play(one.clips, `${one.who}: ${one.text || one.missing}`, bar ? bar.at : one.at);
  }
  function playMoment(lane, moment) {
    for (const [id, sound] of Object.entries(session.sounds)) {
      if (sound.lane === lane && sound.at <= moment && moment < sound.at + sound.seconds) {
        play([{ sound: id, start: 0, end: sound.seconds }], lane === "user" ? "User" : "Model", sound.at, moment - sound.at);
        return;
      }
    }
  }
  function pause() {
    if (!playing) { if (turn) playTurn(turn); return; }
    if (audio.paused) audio.play(); else audio.pause();
    tick();
  }
  function stop() {
    audio.pause();
    playing = null;
    if (address) URL.revokeObjectURL(address);
    address = "";
    $("player").hidden = $("cursor").hidden = true;
  }
  function tick() {
    cancelAnimationFrame(frame);
    if (!playing) return;
    $("pause").textContent = audio.paused ? "▶" : "❚❚";
    $("pause").setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    const all = Number.isFinite(audio.duration) ? audio.duration : 0;
    $("clock").textContent = `${clock(audio.currentTime, 1)} / ${clock(all, 1)}`;
    if (document.activeElement !== $("seek")) $("seek").value = String(all ? audio.currentTime / all * 1000 : 0);
    drawCursor();
    if (!audio.paused) frame = still.matches ? setTimeout(tick, 250) : requestAnimationFrame(tick);
  }
  function drawCursor() {
    const seconds = playing ? playing.begin + audio.currentTime : -1;
    $("cursor").hidden = !(seconds >= from && seconds <= to);
    $("cursor").style.left = `${x(seconds)}px`;
  }
  let quiet = 0;
  function say(text) {
    $("status").textContent = text;
    clearTimeout(quiet);
    quiet = setTimeout(() => { $("status").textContent = ""; }, 4000);
  }

  // --- colours, keys ---------------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let theme = "";
  try { theme = localStorage.getItem("voxwire-theme") || ""; } catch { /* a file without storage */ }
  function paint() {
    document.documentElement.dataset.theme = theme || (dark.matches ? "dark" : "light");
    $("theme").setAttribute("aria-label", `Colours: ${theme || "as the system"}`);
    $("theme").title = $("theme").ariaLabel;
    drawTimeline();
  }
  $("theme").onclick = () => {
    theme = { "": dark.matches ? "light" : "dark", light: "dark", dark: "light" }[theme];
    try { localStorage.setItem("voxwire-theme", theme); } catch { /* as above */ }
    paint();
  };
  dark.addEventListener("change", paint);
  const KEYS = {
    ArrowDown: () => document.activeElement === $("rows") ? moveRow(1) : move(1),
    ArrowUp: () => document.activeElement === $("rows") ? moveRow(-1) : move(-1),
    ArrowRight: () => pan(0.2), ArrowLeft: () => pan(-0.2),
    " ": pause, Enter: () => turn && showEvents(turn),
    "/": () => { $("search").focus(); $("search").select(); },
    "?": () => $("keys").showModal(), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
    0: () => look(0, session.duration), e: nextBad,
    1: () => open("events"), 2: () => open("problems"), 3: () => open("latency"), 4: () => open("usage"), 5: () => open("session"),
    Escape: () => { if (playing) stop(); else $("detail").hidden = true; },
  };
  addEventListener("keydown", event => {
    if (!session || $("keys").open || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target, typing = target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");
    if (event.key === "Escape" && typing) { target.blur(); return; }
    if (typing || target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
    if ((event.key === " " || event.key === "Enter") && target.matches("button, input, summary")) return;
    if (target === $("raw") && event.key.startsWith("Arrow")) return;
    if (target.matches('[role="tab"]') && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const all = [...document.querySelectorAll('[role="tab"]')].filter(b => b.offsetParent);
      const next = all[(all.indexOf(target) + (event.key === "ArrowRight" ? 1 : -1) + all.length) % all.length];
      event.preventDefault();
      open(next.id.slice(4));
      next.focus();
      return;
    }
    const act = Object.hasOwn(KEYS, event.key) && KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  $("help").onclick = () => $("keys").showModal();
  $("session").onchange = () => { chosen = true; show(Number($("session").value)); };
  for (const id of ["direction", "type", "with-sound", "only-bad"]) $(id).onchange = () => { filter(); $("rows").scrollTop = 0; };
  let later = 0;
  $("search").oninput = () => { clearTimeout(later); later = setTimeout(() => { filter(); $("rows").scrollTop = 0; }, 120); };
  $("rows").onscroll = () => drawRows();
  for (const button of document.querySelectorAll('[role="tab"]')) button.onclick = () => open(button.id.slice(4));
  $("zoom-in").onclick = () => zoom(0.6);
  $("zoom-out").onclick = () => zoom(1 / 0.6);
  $("zoom-all").onclick = () => look(0, session.duration);
  $("close-detail").onclick = () => { $("detail").hidden = true; };
  $("copy").onclick = async () => {
    try { await navigator.clipboard.writeText($("raw").textContent); say("Copied."); }
    catch { getSelection().selectAllChildren($("raw")); say("Selected: copy it with Ctrl+C."); }
  };
  $("pause").onclick = pause;
  $("stop").onclick = stop;
  $("seek").oninput = () => { if (audio.duration) audio.currentTime = $("seek").value / 1000 * audio.duration; drawCursor(); };
  audio.onended = () => { if (playing) { audio.currentTime = 0; tick(); } };
  audio.onseeked = tick;
  new ResizeObserver(() => { drawTimeline(); if (session) drawRows(); }).observe(document.body);
  small.addEventListener("change", () => { open(small.matches ? "transcript" : "events"); if (session) drawRows(true); });
  grab();

  // --- where it comes from ---------------------------------------------------------------------
  async function unpack(text) {
    const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }
  function begin(data) {
    report = data;
    $("status").textContent = "";
    show(live ? report.sessions.length - 1 : 0);
  }
  function patch(change) {           // of one session: what only grows grows, the rest is new
    if (change.sound !== undefined) report.sound = change.sound;
    const index = change.session, known = report.sessions[index];
    const whole = { ...known, ...change.head };
    whole.rows = [...known?.rows || [], ...change.rows];
    whole.waves = {};
    for (const lane of ["user", "model"]) whole.waves[lane] = [...(known?.waves[lane] || []).slice(0, change.waves[lane].from), ...change.waves[lane].new];
    report.sessions[index] = whole;
    if (index !== at) {
      if (!chosen && index > at) show(index); else drawHead();
      return;
    }
    const following = to >= session.duration - 0.01, span = to - from, all = from <= 0;
    const id = turn?.id, list = $("rows"), end = list.scrollHeight - list.scrollTop - list.clientHeight < 50;
    session = prepare(whole);
    turn = session.byId.get(id) || null;
    if (following) { to = session.duration; from = all ? 0 : Math.max(0, to - span); }
    drawAll();
    filter();
    if (end && !row) list.scrollTop = list.scrollHeight;
    drawRows();
  }
  function follow() {
    const socket = new WebSocket(new URL("events", location.href.replace(/^http/, "ws")));
    const badge = $("live");
    badge.hidden = false;
    socket.onmessage = message => {
      const data = JSON.parse(message.data);
      badge.textContent = "live";
      badge.classList.remove("over");
      if (data.report) {
        if (data.report.sessions.length) begin(data.report);
        else { report = data.report; $("source").textContent = report.source; $("status").textContent = "Nothing has been recorded yet."; }
        return;
      }
      if (!session) { report.sessions[data.change.session] = { rows: [], waves: { user: [], model: [] } }; patchFirst(data.change); } else patch(data.change);
    };
    socket.onclose = () => { badge.textContent = "no longer followed"; badge.classList.add("over"); setTimeout(follow, 2000); };
  }
  function patchFirst(change) {
    at = change.session;
    const empty = report.sessions[at];
    report.sessions[at] = { ...empty, ...change.head, rows: change.rows, waves: { user: change.waves.user.new, model: change.waves.model.new } };
    begin(report);
  }
  paint();
  open(small.matches ? "transcript" : "events");
  if (live) follow();
  else if (typeof DecompressionStream === "undefined") $("status").textContent = "This browser is too old to read the report.";
  else unpack($("data").textContent).then(begin).catch(error => {
    $("status").textContent = `The report cannot be read: ${error.message}`;
    $("status").classList.add("bad");
    throw error;
  });
})();
