// Shows a camera in the first <canvas> of a page: <script type="module" src="viewer.js"></script>
const server = "ws://127.0.0.1:8080/ws"; // a page from elsewhere needs its origin in server.origins
const stream = 1; // any number from 0 to 65535: frames and answers name it
const canvas = document.querySelector("canvas");
const context = canvas.getContext("2d");
const socket = new WebSocket(server);
socket.binaryType = "arraybuffer";

socket.onmessage = async ({ data }) => {
  if (typeof data === "string") {
    const message = JSON.parse(data);
    if (message.type === "hello") send({ type: "watch", stream, camera: message.cameras[0].id });
    if (message.type === "error") console.error(message.code, message.message);
    return;
  }
  const frame = parse(data);
  const bitmap = await createImageBitmap(new Blob([frame.jpeg], { type: "image/jpeg" }));
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  canvas.classList.toggle("not-live", frame.notLive);
  send({ type: "ack", stream: frame.stream, seq: frame.seq }); // the relay then sends what this page can draw
};

function send(message) {
  socket.send(JSON.stringify(message));
}

function parse(buffer) {
  const view = new DataView(buffer); // big-endian, which is its default
  if (view.getUint8(0) !== 1) throw new Error("unknown version");
  return {
    notLive: (view.getUint8(1) & 1) !== 0,
    stream: view.getUint16(2),
    seq: view.getUint32(4),
    captured: Number(view.getBigInt64(8)) / 1000, // ms since 1970
    skipped: view.getUint32(16),
    age: view.getUint32(20) / 1000, // ms
    jpeg: new Uint8Array(buffer, 24),
  };
}
