// Browsers start no Worker for a page that was opened from disk. There, the search runs in a hidden
// frame, which is asked and answers as a Worker would.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = `<script src="${address}"></script>`;
      this.ready = new Promise(done => frame.addEventListener("load", () => {
        const inside = frame.contentWindow;
        inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", {data}));
        done(inside);
      }));
      document.body.append(frame);
    }

    async postMessage(data) {
      (await this.ready).dispatchEvent(new MessageEvent("message", {data}));
    }
  };
}
