// A picture and its map: zoom, pan, a wipe between the two, and the value under the cursor.
// All viewers of a page share one view: it lies on the window, for each of them may load this file by itself.

const LARGEST_ZOOM = 16;
const KEYS = "Arrow keys move, plus and minus zoom, 0 shows the whole; shift and arrow keys read the values.";

const view = (window.vitrineView ??= { zoom: 1, x: 0.5, y: 0.5, wipe: 1, place: null, viewers: new Set() });

const instances = new WeakMap();

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Change the view and draw all viewers that are still on the page. */
function look(change) {
  Object.assign(view, change);
  view.zoom = clamp(view.zoom, 1, LARGEST_ZOOM);
  const half = 0.5 / view.zoom;
  view.x = clamp(view.x, half, 1 - half);
  view.y = clamp(view.y, half, 1 - half);
  for (const viewer of view.viewers) {
    if (viewer.root.isConnected) viewer.draw();
    else view.viewers.delete(viewer);
  }
}

/** Zoom so that the place (x, y) of the picture, in shares of its sides, stays where it is on the screen. */
function zoomAt(factor, x, y) {
  const zoom = clamp(view.zoom * factor, 1, LARGEST_ZOOM);
  const kept = view.zoom / zoom;
  look({ zoom, x: x + (view.x - x) * kept, y: y + (view.y - y) * kept });
}

function unpack(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  let start = 4 + length;
  const parts = header.sizes.map((size) => bytes.slice(start, (start += size)));
  return [header, ...parts];
}

function address(jpeg) {
  let text = "";
  for (let i = 0; i < jpeg.length; i += 8192) text += String.fromCharCode(...jpeg.subarray(i, i + 8192));
  return `data:image/jpeg;base64,${btoa(text)}`;
}

/** A half-precision number; browsers learnt to read them only lately. */
function half(bytes, index) {
  const bits = bytes[2 * index] | (bytes[2 * index + 1] << 8);
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Three significant digits with a real minus sign, as beside the colour bar. */
function number(value) {
  if (!Number.isFinite(value)) return "not finite";
  const size = Math.abs(value);
  let text;
  if (size >= 999.5 && size < 999999.5) text = Math.round(value).toLocaleString("en-US");
  else if (size !== 0 && (size < 1e-4 || size >= 999999.5)) text = value.toExponential(2).replace(/\.?0+e/, "e");
  else text = String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−");
}

class Viewer {
  constructor(parent) {
    const part = (name) => parent.querySelector(`.${name}`);
    this.root = part("viewer");
    for (const name of ["frame", "stage", "picture", "drawn", "edge", "cross", "bar", "zoom", "wipe", "value"]) this[name] = part(name);
    this.pointers = new Map();
    part("in").onclick = () => zoomAt(1.5, view.x, view.y);
    part("out").onclick = () => zoomAt(1 / 1.5, view.x, view.y);
    part("whole").onclick = () => look({ zoom: 1, x: 0.5, y: 0.5 });
    this.wipe.oninput = () => look({ wipe: this.wipe.value / 100 });
    this.frame.onkeydown = (event) => this.key(event);
    this.frame.onwheel = (event) => this.wheel(event);
    this.frame.onpointerdown = (event) => this.press(event);
    this.frame.onpointermove = (event) => this.move(event);
    this.frame.onpointerup = this.frame.onpointercancel = (event) => this.pointers.delete(event.pointerId);
    this.frame.onpointerleave = (event) => event.pointerType === "mouse" && this.pointers.size === 0 && look({ place: null });
    this.frame.ondblclick = () => look({ zoom: 1, x: 0.5, y: 0.5 });
  }

  fill(header, picture, drawn, values) {
    this.header = header;
    this.values = values;
    this.frame.hidden = this.value.hidden = header.controls;
    this.bar.hidden = header.small || (!header.controls && drawn.length === 0);
    this.value.hidden ||= header.rows === 0;
    this.frame.setAttribute("aria-label", `${header.alt} ${KEYS}`);
    this.frame.style.aspectRatio = `${header.width} / ${header.height}`;
    if (this.revision === header.revision) return;
    this.revision = header.revision;
    this.drawn.hidden = drawn.length === 0;
    if (picture.length) this.picture.src = address(picture);
    if (drawn.length) this.drawn.src = address(drawn);
    // What is looked at when the page is asked for its pictures.
    this.picture.classList.toggle("shown", picture.length > 0 && drawn.length === 0);
    this.drawn.classList.toggle("shown", drawn.length > 0);
  }

  draw() {
    const { zoom, x, y, wipe } = view;
    this.stage.style.transform = `translate(${(0.5 - x * zoom) * 100}%, ${(0.5 - y * zoom) * 100}%) scale(${zoom})`;
    const until = clamp((wipe - 0.5) / zoom + x, 0, 1);
    this.drawn.style.clipPath = wipe === 1 ? "none" : `inset(0 ${(1 - until) * 100}% 0 0)`;
    this.edge.hidden = this.drawn.hidden || wipe === 0 || wipe === 1;
    this.edge.style.left = `${wipe * 100}%`;
    this.wipe.value = Math.round(wipe * 100);
    this.wipe.setAttribute("aria-valuetext", `${Math.round(wipe * 100)} % map`);
    this.zoom.textContent = `${Math.round(zoom * 100)} %`;
    this.frame.style.touchAction = zoom > 1 ? "none" : "pan-y";
    this.read();
  }

  /** Say the value at the place that all viewers look at. */
  read() {
    const place = view.place, { rows, columns, largest, unit, small } = this.header;
    this.cross.hidden = place === null;
    if (place === null) {
      this.value.textContent = small ? "" : "Point at the map to read its values.";
      return;
    }
    this.cross.style.left = `${((place[0] - view.x) * view.zoom + 0.5) * 100}%`;
    this.cross.style.top = `${((place[1] - view.y) * view.zoom + 0.5) * 100}%`;
    if (rows === 0) return;
    const row = Math.min(rows - 1, Math.floor(place[1] * rows)), column = Math.min(columns - 1, Math.floor(place[0] * columns));
    const value = number(half(this.values, row * columns + column) * largest);
    this.value.textContent = `${value}${unit ? ` ${unit}` : ""} · row ${row}, column ${column}`;
  }

  /** Where on the picture an event is, in shares of its sides. */
  place(event) {
    const box = this.frame.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width - 0.5) / view.zoom + view.x;
    const y = ((event.clientY - box.top) / box.height - 0.5) / view.zoom + view.y;
    return [clamp(x, 0, 1), clamp(y, 0, 1)];
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    this.value.setAttribute("aria-live", "polite");
    if (arrow && (event.shiftKey || view.zoom === 1)) this.step(arrow);
    else if (arrow) look({ x: view.x + (0.1 * arrow[0]) / view.zoom, y: view.y + (0.1 * arrow[1]) / view.zoom });
    else if (event.key === "+" || event.key === "=") zoomAt(1.5, view.x, view.y);
    else if (event.key === "-") zoomAt(1 / 1.5, view.x, view.y);
    else if (event.key === "0") look({ zoom: 1, x: 0.5, y: 0.5 });
    else if (event.key === "Escape") look({ place: null });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Read the next cell of the map in that direction, from the middle of the view at first. */
  step([right, down]) {
    const columns = this.header.columns || 20, rows = this.header.rows || 20;
    const [x, y] = view.place ?? [view.x, view.y];
    const column = Math.min(columns - 1, Math.floor(x * columns)), row = Math.min(rows - 1, Math.floor(y * rows));
    const moved = view.place === null ? [column, row] : [clamp(column + right, 0, columns - 1), clamp(row + down, 0, rows - 1)];
    look({ place: [(moved[0] + 0.5) / columns, (moved[1] + 0.5) / rows] });
  }

  // The wheel scrolls the page, unless it is meant: with control (as a trackpad's pinch is), or once the picture was clicked.
  wheel(event) {
    if (!event.ctrlKey && this.root.getRootNode().activeElement !== this.frame) return;
    event.preventDefault();
    zoomAt(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), ...this.place(event));
  }

  press(event) {
    this.pointers.set(event.pointerId, event);
    this.frame.setPointerCapture(event.pointerId);
    this.value.setAttribute("aria-live", "off");
    look({ place: this.place(event) });
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return look({ place: this.place(event) });
    const others = [...this.pointers.values()].filter((pointer) => pointer.pointerId !== event.pointerId);
    const box = this.frame.getBoundingClientRect();
    if (others.length > 0) {
      const apart = (pointer) => Math.hypot(pointer.clientX - others[0].clientX, pointer.clientY - others[0].clientY) || 1;
      const middle = { clientX: (event.clientX + others[0].clientX) / 2, clientY: (event.clientY + others[0].clientY) / 2 };
      zoomAt(apart(event) / apart(before), ...this.place(middle));
    } else if (view.zoom > 1) {
      const right = (event.clientX - before.clientX) / box.width, down = (event.clientY - before.clientY) / box.height;
      look({ x: view.x - right / view.zoom, y: view.y - down / view.zoom });
    } else look({ place: this.place(event) });
    this.pointers.set(event.pointerId, event);
  }
}

export default function ({ data, parentElement }) {
  let viewer = instances.get(parentElement);
  if (viewer === undefined || !viewer.root.isConnected) {
    viewer = new Viewer(parentElement);
    instances.set(parentElement, viewer);
  }
  viewer.fill(...unpack(data instanceof Uint8Array ? data : new Uint8Array(data)));
  view.viewers.add(viewer);
  viewer.draw();
  return () => view.viewers.delete(viewer);
}
