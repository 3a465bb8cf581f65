'use strict';
// What every part of the page uses: elements, events, files.
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
