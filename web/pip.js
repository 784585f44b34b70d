/** Picture in picture: the stage's canvas as a video in a small window above all others, also while the page is hidden. */
export class PictureInPicture {
  #canvas;
  #open;

  /** @param {HTMLCanvasElement} canvas @param {(open: boolean) => void} open told when the window opens and when it is gone */
  constructor(canvas, open) {
    this.#canvas = canvas;
    this.#open = open;
  }

  /** This browser can do it. */
  static get possible() {
    return document.pictureInPictureEnabled === true && "captureStream" in HTMLCanvasElement.prototype;
  }

  /** There is a window. */
  get open() {
    return document.pictureInPictureElement !== null && PictureInPicture.possible;
  }

  /** Opens the window, or closes it. Throws where the browser does not allow it. */
  async toggle() {
    if (document.pictureInPictureElement) return document.exitPictureInPicture();
    const video = document.createElement("video");
    const stream = this.#canvas.captureStream();
    video.muted = true;
    video.srcObject = stream;
    video.addEventListener("leavepictureinpicture", () => this.#end(video, stream), { once: true });
    try {
      await video.play();
      await video.requestPictureInPicture();
      this.#open(true);
    } catch (error) {
      this.#end(video, stream);
      throw error;
    }
  }

  /** @param {HTMLVideoElement} video @param {MediaStream} stream */
  #end(video, stream) {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
    this.#open(false);
  }
}
