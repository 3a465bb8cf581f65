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

// A block: base64 of gzip of [header length, header JSON, padding, arrays].
geocn.block = async (id) => {
  const packed = atob(geocn.$(id).textContent.trim());
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = Math.ceil((4 + length) / 8) * 8;
  return { header, read: (ref) => new ARRAYS[ref.t](buffer, start + ref.o, ref.n) };
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
