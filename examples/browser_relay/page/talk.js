// A conversation with the server that this page came from: sound goes both ways over one WebSocket.

const RATE = 24000; // samples a second, as the session has it

const button = document.getElementById("talk");
const state = document.getElementById("state");
const said = document.getElementById("said");
let end = null; // ends the conversation that goes on

button.addEventListener("click", () => (end ? end("") : begin()));

async function begin() {
  button.disabled = true;
  state.textContent = "Connecting …";
  let microphone, context;
  try {
    if (!navigator.mediaDevices) throw new Error("this page has to come over HTTPS");
    microphone = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true },
    });
    context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule("worklets.js");
  } catch (error) {
    state.textContent = `No microphone: ${error.message}`;
    button.disabled = false;
    return;
  }
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const player = new AudioWorkletNode(context, "player", {
    numberOfInputs: 0,
    outputChannelCount: [1],
  });
  const socket = new WebSocket(new URL("talk", location.href.replace(/^http/, "ws")));
  socket.binaryType = "arraybuffer";

  end = (why) => {
    end = null;
    socket.close();
    context.close();
    for (const track of microphone.getTracks()) track.stop();
    button.textContent = "Talk";
    button.disabled = false;
    button.setAttribute("aria-pressed", "false");
    state.textContent = why;
  };

  socket.onopen = () => {
    context.createMediaStreamSource(microphone).connect(recorder);
    player.connect(context.destination);
    recorder.port.onmessage = ({ data }) => socket.readyState === 1 && socket.send(data);
    // What was heard, to a tenth of a second: the server tells the model when it is interrupted.
    player.port.onmessage = ({ data: mark }) => socket.readyState === 1 && socket.send(mark);
    button.textContent = "End";
    button.disabled = false;
    button.setAttribute("aria-pressed", "true");
    state.textContent = "Listening";
  };
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) {
      player.port.postMessage(data, [data]);
      return;
    }
    const message = JSON.parse(data);
    if (message.mark) player.port.postMessage(message.mark);
    else if (message.clear) player.port.postMessage(null);
    else show(message);
  };
  socket.onclose = ({ reason }) => end?.(reason || "The conversation has ended.");
}

// A line for each thing that is said; it changes while it is being said.
function show({ item, role, text, interrupted, deleted }) {
  let line = document.getElementById(item);
  if (deleted) {
    line?.remove();
    return;
  }
  if (!line) {
    line = document.createElement("li");
    line.id = item;
    said.append(line);
  }
  line.className = interrupted ? `${role} interrupted` : role;
  line.textContent = text;
  line.scrollIntoView({ block: "nearest" });
}
