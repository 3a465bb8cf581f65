'use strict';
// The form of an encrypted map. Nothing of the map is in the page until a passphrase opens all of it.
(() => {
  const { el, T } = geocn;
  const LEAST_ITERATIONS = 600000, MOST_ITERATIONS = 10000000;
  const words = geocn.json('geocn-words');
  geocn.catalogues = words.catalogues;
  geocn.config = { right_to_left: words.right_to_left };
  geocn.state.language = document.documentElement.lang;
  document.documentElement.dataset.locked = 'true';

  const bytesOf = (text) => {
    const packed = atob(text), bytes = new Uint8Array(packed.length);
    for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
    return bytes;
  };

  // A failure that the reader is told of by the key of its message.
  const failing = (key, run) => run().catch(() => { throw Object.assign(new Error(key), { key }); });

  const readHeader = async (locked) => {
    const header = JSON.parse(locked.header);
    if (header.v !== 1 || !(header.iterations >= LEAST_ITERATIONS && header.iterations <= MOST_ITERATIONS)) throw new Error('header');
    return header;
  };

  const keyOf = async (passphrase, header) => {
    const typed = new TextEncoder().encode(passphrase.normalize('NFC'));
    const material = await crypto.subtle.importKey('raw', typed, 'PBKDF2', false, ['deriveKey']);
    const way = { name: 'PBKDF2', hash: 'SHA-256', salt: bytesOf(header.salt), iterations: header.iterations };
    return crypto.subtle.deriveKey(way, material, { name: 'AES-GCM', length: 256 }, false, ['decrypt']);
  };

  const unpack = async (plain) => {
    const length = new DataView(plain).getUint32(0, true);
    const stream = new Blob([new Uint8Array(plain, 4, length)]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).json();
  };

  const blocksFor = async (passphrase) => {
    const locked = geocn.json('geocn-locked');
    const header = await failing('unlock.damaged', () => readHeader(locked));
    const additionalData = new TextEncoder().encode(locked.header);
    const key = await failing('unlock.damaged', () => keyOf(passphrase, header));
    const opened = (nonce, text) => crypto.subtle.decrypt({ name: 'AES-GCM', iv: bytesOf(nonce), additionalData }, key, bytesOf(text));
    await failing('unlock.wrong', async () => opened(header.check_nonce, locked.check));
    return failing('unlock.damaged', async () => {
      const blocks = await unpack(await opened(header.nonce, locked.data));
      const config = JSON.parse(blocks['geocn-config']);
      config.language = geocn.state.language;
      return { blocks: { ...blocks, 'geocn-config': JSON.stringify(config) }, config };
    });
  };

  // The banners say again what the sender marked, whatever stood outside.
  const lift = ({ blocks, config }) => {
    for (const [id, text] of Object.entries(blocks)) document.body.append(el('script', { id, text, attrs: { type: 'text/plain' } }));
    document.title = `${config.marking} ${config.title}`;
    for (const banner of document.querySelectorAll('.banner')) {
      banner.replaceChildren(el('span', { cls: 'caveat', text: config.caveat }), el('b', { cls: config.tlp, text: config.marking }));
    }
    geocn.$('unlock').remove();
    geocn.$('geocn-locked').remove();
    delete document.documentElement.dataset.locked;
  };

  const languages = (redraw) => {
    const select = el('select', { id: 'unlock-language', attrs: { 'aria-label': T('language') } });
    for (const [code, texts] of Object.entries(geocn.catalogues)) {
      const option = el('option', { text: texts.language_name, attrs: { value: code, lang: code } });
      option.selected = code === geocn.state.language;
      select.append(option);
    }
    select.addEventListener('change', () => { geocn.setLanguage(select.value); redraw(); geocn.$('unlock-language').focus(); });
    return select;
  };

  const build = (submit, said) => {
    const typed = el('input', { id: 'passphrase', attrs: { type: 'password', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'unlock-said' } });
    const show = el('input', { attrs: { type: 'checkbox' }, on: { change: (event) => { typed.type = event.target.checked ? 'text' : 'password'; typed.focus(); } } });
    const open = el('button', { id: 'unlock-open', cls: 'primary', text: T('unlock.open'), attrs: { type: 'submit' } });
    const alert = el('p', { id: 'unlock-said', text: said ? T(said) : '', attrs: { role: 'alert' } });
    const form = el('form', { on: { submit: (event) => { event.preventDefault(); submit({ typed, open, alert }); } } },
      words.title ? el('h1', { text: words.title, attrs: { dir: 'auto' } }) : null,
      el('h2', { text: T('unlock.title') }), el('p', { text: T('unlock.hint') }),
      el('label', { cls: 'field', text: T('unlock.passphrase') }, typed),
      el('label', { cls: 'shown' }, show, el('span', { text: T('unlock.show') })), alert,
      el('div', { cls: 'row' }, open, languages(() => { build(submit, said); })));
    const page = el('main', { id: 'unlock' }, form);
    const old = geocn.$('unlock');
    if (old) old.replaceWith(page); else geocn.$('frame').before(page);
    if (!(window.crypto && crypto.subtle)) {
      typed.disabled = open.disabled = true;
      alert.textContent = T('unlock.unavailable');
    } else typed.focus();
  };

  geocn.unlocked = new Promise((resolve) => {
    let busy = false;
    const submit = async ({ typed, open, alert }) => {
      if (busy || !typed.value) return;
      busy = open.disabled = true;
      alert.textContent = T('unlock.opening');
      alert.className = 'busy';
      try {
        lift(await blocksFor(typed.value));
        resolve();
      } catch (error) {
        busy = false;
        build(submit, error.key || 'unlock.damaged');
      }
    };
    build(submit);
  });
})();
