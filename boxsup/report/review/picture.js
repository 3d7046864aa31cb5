// A box's image with its mask: what the server sends, and how it is drawn.

const MARGIN = 0.3; // of a box's longer side, around it in its picture
const THUMB = 112; // px

// A line of JSON, then superpixels as 16 bits each if there are any, then masks as bits.
function unpacked(buffer) {
  const bytes = new Uint8Array(buffer);
  const end = bytes.indexOf(10);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const count = head.width * head.height;
  let place = end + 1;
  let superpixels = null;
  if (head.superpixels) {
    superpixels = new Uint16Array(buffer, place, count);
    place += 2 * count;
  }
  const masks = [];
  for (let index = 0; index < head.masks; index += 1) {
    const packed = bytes.subarray(place, place + Math.ceil(count / 8));
    const mask = new Uint8Array(count);
    for (let pixel = 0; pixel < count; pixel += 1) mask[pixel] = (packed[pixel >> 3] >> (7 - (pixel & 7))) & 1;
    masks.push(mask);
    place += packed.length;
  }
  return { ...head, superpixels, masks };
}

// The part of a picture around a box, in the picture's pixels: [x, y, width, height].
function around([x0, y0, x1, y1], width, height) {
  const margin = MARGIN * Math.max(x1 - x0, y1 - y0) + 6;
  const [left, top] = [Math.max(0, Math.floor(x0 - margin)), Math.max(0, Math.floor(y0 - margin))];
  return [left, top, Math.min(width, Math.ceil(x1 + margin)) - left, Math.min(height, Math.ceil(y1 + margin)) - top];
}

// A mask as a picture of its own, as large as the crop: in a colour, its border light, all else darker.
function tinted(mask, width, crop, [red, green, blue], strength, dark = 110) {
  const [left, top, wide, high] = crop;
  const shown = new ImageData(wide, high);
  for (let y = 0; y < high; y += 1) {
    for (let x = 0; x < wide; x += 1) {
      const pixel = (top + y) * width + left + x;
      if (!mask[pixel]) {
        shown.data[4 * (y * wide + x) + 3] = dark;
        continue;
      }
      const inner = x && y && x < wide - 1 && y < high - 1;
      const border = inner && !(mask[pixel - 1] && mask[pixel + 1] && mask[pixel - width] && mask[pixel + width]);
      const colour = border ? [255, 255, 255, 255] : [red, green, blue, strength];
      shown.data.set(colour, 4 * (y * wide + x));
    }
  }
  const canvas = element("canvas", { width: wide, height: high });
  canvas.getContext("2d").putImageData(shown, 0, 0);
  return canvas;
}

function draw(canvas, photo, crop, layers, frames) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / crop[2];
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = true;
  if (photo) context.drawImage(photo, ...crop, 0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  for (const layer of layers) context.drawImage(layer, 0, 0, canvas.width, canvas.height);
  for (const [[x0, y0, x1, y1], colour] of frames) {
    const place = [(x0 - crop[0]) * scale, (y0 - crop[1]) * scale, (x1 - x0) * scale, (y1 - y0) * scale];
    for (const [style, width] of [["#fff", 4], [colour, 2]]) {
      context.strokeStyle = style;
      context.lineWidth = width * (window.devicePixelRatio || 1);
      context.strokeRect(...place);
    }
  }
}

const rgb = (colour) => [1, 3, 5].map((place) => Number.parseInt(colour.slice(place, place + 2), 16));
