'use strict';
// The one global of the page, and what every part of it uses: elements, blocks, events.
const geocn = { parts: {}, state: { language: 'en', period: -1, tab: 'layers' } };

geocn.$ = (id) => document.getElementById(id);

// Text reaches the page through textContent alone; no part of the page writes markup.
geocn.el = (tag, options = {}, ...children) => {
  const node = document.createElement(tag);
  if (options.cls) node.className = options.cls;
  if (options.text !== undefined) node.textContent = options.text;
  if (options.id) node.id = options.id;
  for (const [name, value] of Object.entries(options.attrs || {})) node.setAttribute(name, value);
  for (const [name, run] of Object.entries(options.on || {})) node.addEventListener(name, run);
  node.append(...children.filter(Boolean));
  return node;
};

geocn.svg = (tag, attrs, ...children) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attrs)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};

geocn.json = (id) => JSON.parse(geocn.$(id).textContent);

const ARRAYS = {
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array, f8: Float64Array,
};

// Lets the page breathe between two pieces of work.
geocn.breathe = () => new Promise((resolve) => setTimeout(resolve));

// Two characters are 13 bits; a single last one is 5 (geocn/io/packed.py says how blocks are laid out).
const bytesOf = async (text) => {
  const place = new Uint8Array(128);
  for (let c = 33, k = 0; c < 127; c++) if (!'<>&'.includes(String.fromCharCode(c))) place[c] = k++;
  const whole = text.length & ~1, odd = text.length & 1;
  const bytes = new Uint8Array(((whole / 2) * 13 + odd * 5) >> 3);
  let held = 0, bits = 0, at = 0;
  for (let i = 0; i < text.length; i += 2) {
    held = i < whole ? (held << 13) | (place[text.charCodeAt(i)] * 91 + place[text.charCodeAt(i + 1)]) : (held << 5) | place[text.charCodeAt(i)];
    for (bits += i < whole ? 13 : 5; bits >= 8 && at < bytes.length;) bytes[at++] = held >> (bits -= 8);
    held &= (1 << bits) - 1;
    if (!(i & 0x3ffffe) && i) await geocn.breathe();
  }
  return bytes;
};

const inflate = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

// One array out of its byte planes.
const arrayOf = (told, streams) => {
  const { n, t, m, s, p = [] } = told;
  const out = new ARRAYS[t](n);
  if ('v' in told) return out.fill(told.v === null ? NaN : told.v);
  const planes = p.map(([stream, at]) => streams[stream].subarray(at, at + n));
  if (!('b' in told)) {
    const raw = new Uint8Array(out.buffer);
    planes.forEach((plane, k) => { for (let i = 0; i < n; i++) raw[i * planes.length + k] = plane[i]; });
    return out;
  }
  const stored = new Float64Array(n);
  planes.forEach((plane, k) => { const unit = 256 ** k; for (let i = 0; i < n; i++) stored[i] += plane[i] * unit; });
  const unit = 10 ** (s || 0), missing = m === null ? NaN : m, shift = 'm' in told ? told.b - 1 : told.b;
  let sum = told.b;
  for (let i = 0; i < n; i++) {
    const value = stored[i];
    if (told.d) out[i] = (sum += value % 2 ? -(value + 1) / 2 : value / 2) / unit;
    else out[i] = 'm' in told && value === 0 ? missing : (value + shift) / unit;
  }
  return out;
};

// A block: its header, and `read` for the arrays the header refers to, unpacked when first asked for.
geocn.block = async (id) => {
  const bytes = await bytesOf(geocn.$(id).textContent.trim());
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const [first, noise] = await Promise.all([inflate(bytes.subarray(4, 4 + length)), inflate(bytes.subarray(4 + length))]);
  const head = new DataView(first.buffer).getUint32(0, true);
  const { h, a } = JSON.parse(new TextDecoder().decode(first.subarray(4, 4 + head)));
  const streams = [first.subarray(4 + head), noise], ready = [];
  const read = (ref) => (ready[ref['#']] = ready[ref['#']] || arrayOf(a[ref['#']], streams));
  return { header: h, read };
};

const listeners = {};
geocn.on = (name, run) => (listeners[name] = listeners[name] || []).push(run);
geocn.emit = (name, detail) => (listeners[name] || []).forEach((run) => run(detail));

// Hands a text to the reader as a file.
geocn.download = (name, type, text) => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = geocn.el('a', { attrs: { href: url, download: name } });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};
