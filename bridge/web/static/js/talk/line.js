// The line to callbridge: Twilio Media Streams, spoken by a browser. `tell(what, detail)` is told what comes.

const STREAM = "MZbrowser";

const packed = (bytes) => btoa(String.fromCharCode(...bytes));
const unpacked = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

export class Line {
  constructor(wish, tell) {
    this.tell = tell;
    this.frames = 0;
    this.known = false; // the call has begun
    this.over = false;
    this.socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/talk`);
    this.socket.onopen = () => {
      this.opened = true;
      this.send("connected", {protocol: "Call", version: "1.0.0"});
      const format = {encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1};
      const who = {accountSid: "browser", callSid: "browser", streamSid: STREAM, tracks: ["inbound"]};
      this.send("start", {start: {...who, customParameters: wish, mediaFormat: format}});
    };
    this.socket.onmessage = ({data}) => this.take(JSON.parse(data));
    this.socket.onclose = ({code}) => {
      if (this.over) return;
      this.over = true;
      tell("closed", {opened: Boolean(this.opened), code});
    };
  }

  take(message) {
    switch (message.event) {
      case "media": {
        const {payload, encoding} = message.media;
        this.tell("sound", {sound: unpacked(payload), rate: encoding ? Number(encoding.split("rate=")[1]) : 8000});
        break;
      }
      case "mark": this.tell("mark", message.mark); break;
      case "clear": this.tell("clear", {}); break;
      case "fact": this.tell("fact", message.fact); break;
      case "call": this.known = true; this.tell("call", message.call); break;
      case "refused": this.over = true; this.tell("refused", message); break;
    }
  }

  send(event, content) { // `event` stands first: the server knows sound by how a message begins
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({event, streamSid: STREAM, ...content}));
    }
  }

  speak(frame) {
    if (!this.known) return;
    const media = {track: "inbound", timestamp: String(20 * this.frames++), payload: packed(frame)};
    this.send("media", {media});
  }

  played(name) { this.send("mark", {mark: {name}}); }
  press(digit) { this.send("dtmf", {dtmf: {track: "inbound_track", digit}}); }
  write(text) { this.send("text", {text}); }

  hangUp() {
    this.send("stop", {stop: {}});
    if (!this.known) { // there is no call yet that could end
      this.over = true;
      this.socket.close(1000);
    }
  }
}
