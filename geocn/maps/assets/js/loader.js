'use strict';
// The one script that stands open in the page: it unpacks the others and starts them. Each is
// the package's own, and its hash stands in the policy; any other would not run.
const geocn = { parts: {}, state: { language: 'en', period: -1, tab: 'layers' } };

geocn.$ = (id) => document.getElementById(id);

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

// The ways in which integers stand in a block (geocn/io/packed_integers.py).
const planesOf = ({ n, p = [] }, streams) => p.map(([stream, at]) => streams[stream].subarray(at, at + n));

const joined = (told, streams) => {
  const stored = new Float64Array(told.n);
  planesOf(told, streams).forEach((plane, k) => { const unit = 256 ** k; for (let i = 0; i < told.n; i++) stored[i] += plane[i] * unit; });
  return stored;
};

const grouped = ({ n, p, g: [size, levels] }, streams) => {
  const [[stream, at]] = p, stored = new Float64Array(n);
  for (let i = 0; i < n; i++) stored[i] = Math.floor(streams[stream][at + Math.floor(i / size)] / levels ** (i % size)) % levels;
  return stored;
};

const bySize = ({ n, p }, streams) => {
  const [[one, keys], [other, start]] = p, bytes = streams[other], stored = new Float64Array(n);
  let at = start, held = 0, bits = 0;
  for (let i = 0; i < n; i++) {
    const key = streams[one][keys + i];
    let value = key < 4 ? key : (key & 3) + 4;
    for (let left = (key >> 2) - 1; left > 0;) {
      if (!bits) { held = bytes[at++]; bits = 8; }
      const take = Math.min(left, bits);
      value = value * 2 ** take + ((held >> (bits - take)) & ((1 << take) - 1));
      bits -= take;
      left -= take;
    }
    stored[i] = value;
  }
  return stored;
};

// One array out of its bytes.
const arrayOf = (told, streams) => {
  const { n, t, m, s } = told;
  const out = new ARRAYS[t](n);
  if ('v' in told) return out.fill(told.v === null ? NaN : told.v);
  if (!('b' in told)) {
    const planes = planesOf(told, streams), raw = new Uint8Array(out.buffer);
    planes.forEach((plane, k) => { for (let i = 0; i < n; i++) raw[i * planes.length + k] = plane[i]; });
    return out;
  }
  const stored = 'e' in told ? bySize(told, streams) : 'g' in told ? grouped(told, streams) : joined(told, streams);
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

// Says in the language of the frame that nothing can be shown, and why.
geocn.fail = (error) => {
  const said = geocn.$('unopened');
  if (said.hidden) said.textContent += ` (${error.message})`;
  said.className = 'failed';
  said.hidden = false;
  throw error;
};

// A browser that exports jumps ahead in time whenever the page is idle, also while blocks are
// unpacked beside it; so the page stays busy until it is ready, or has failed.
if (/^#(paper=|picture$)/.test(window.location.hash)) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { if (!document.documentElement.dataset.ready && geocn.$('unopened').hidden) port2.postMessage(0); };
  port2.postMessage(0);
}

(async () => {
  const { styles, scripts } = (await geocn.block('geocn-code')).header;
  const open = document.querySelector('style'), made = (tag, textContent) => Object.assign(document.createElement(tag), { textContent });
  // The library's style comes before ours.
  styles.forEach((text, k) => (k ? document.head.append(made('style', text)) : open.before(made('style', text))));
  scripts.forEach((text) => document.body.append(made('script', text)));
})().catch(geocn.fail);
