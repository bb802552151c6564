// The two ends of the sound, on the browser's audio thread: 16-bit samples, little-endian, one channel.

const PIECE = 480; // samples: 20 ms

class Recorder extends AudioWorkletProcessor {
  #samples = new Int16Array(PIECE);
  #filled = 0;

  process([[samples]]) {
    // No samples: the microphone is not connected yet, or no longer.
    for (const sample of samples ?? []) {
      this.#samples[this.#filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.#filled === PIECE) {
        this.port.postMessage(this.#samples.buffer, [this.#samples.buffer]);
        this.#samples = new Int16Array(PIECE);
        this.#filled = 0;
      }
    }
    return true;
  }
}

// Plays what it is sent, in order. A text is a mark, sent back when the sound before it was played;
// null is an interruption: what has not been played is forgotten, with its marks.
class Player extends AudioWorkletProcessor {
  #queue = [];
  #at = 0; // in the first of them

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data === null) {
        this.#queue = [];
        this.#at = 0;
      } else {
        this.#queue.push(typeof data === "string" ? data : new Int16Array(data));
      }
    };
  }

  process(_, [[speaker]]) {
    let filled = 0;
    while (this.#queue.length) {
      const first = this.#queue[0];
      if (typeof first === "string") {
        this.port.postMessage(first);
      } else {
        while (filled < speaker.length && this.#at < first.length) {
          speaker[filled++] = first[this.#at++] / 32768;
        }
        if (this.#at < first.length) break;
        this.#at = 0;
      }
      this.#queue.shift();
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
registerProcessor("player", Player);
