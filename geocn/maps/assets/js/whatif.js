'use strict';
// What if: sites are switched on and off, coverage is counted again at once.
(() => {
  const { el, T } = geocn;
  let all = [], what = null;

  const start = () => {
    const { header, read } = geocn.blocks.data;
    all = header.whatif.map((one) => {
      const weights = read(one.weights), bytes = read(one.bits);
      return {
        ...one, weights, total: weights.reduce((sum, w) => sum + w, 0),
        bits: one.sites.map((_, k) => bytes.subarray(k * one.stride, (k + 1) * one.stride)),
        on: new Array(one.sites.length).fill(true),
      };
    });
    if (!all.length) return;
    [what] = all;
    geocn.whatif = { count, set };
  };

  // Weight within reach of the sites that are on; and of exactly one of them.
  const count = (on = what.on) => {
    const once = new Uint8Array(what.stride), twice = new Uint8Array(what.stride);
    what.bits.forEach((bits, site) => {
      if (!on[site]) return;
      for (let i = 0; i < bits.length; i++) {
        twice[i] |= once[i] & bits[i];
        once[i] |= bits[i];
      }
    });
    let covered = 0, several = 0;
    for (let i = 0; i < what.n; i++) {
      if ((once[i >> 3] >> (i & 7)) & 1) {
        covered += what.weights[i];
        if ((twice[i >> 3] >> (i & 7)) & 1) several += what.weights[i];
      }
    }
    return { covered, several, gap: what.total - covered, share: what.total > 0 ? covered / what.total : NaN };
  };

  const set = (site, on) => {
    what.on[site] = on;
    refresh();
  };

  const percent = (value) => (Number.isNaN(value) ? '–' : geocn.share(value));
  const amount = (value) => {
    if (!what.label) return geocn.number(value);
    const unit = /(?:^|_)(ha|km2|km|kg)$/.exec(what.label);
    return unit ? geocn.unit(value, unit[1]) : `${geocn.number(value)} ${geocn.field(what.label)}`;
  };

  const partners = () => {
    const found = new Map();
    what.sites.forEach((site, k) => {
      const name = site.partner ?? T('partner.unknown');
      if (!found.has(name)) found.set(name, []);
      found.get(name).push(k);
    });
    return [...found].sort((a, b) => a[0].localeCompare(b[0]));
  };

  const refresh = () => {
    const box = geocn.$('whatif-result');
    if (!box) return;
    const now = count(), base = count(what.on.map(() => true));
    const change = now.share - base.share;
    const sign = change > 0 ? '+' : change < 0 ? '−' : '±';
    box.replaceChildren(
      el('p', { cls: 'big', text: percent(now.share), attrs: { 'data-share': String(now.share) } }),
      el('p', { text: T('whatif.covered', { covered: geocn.number(now.covered), total: amount(what.total) }) }),
      el('p', { text: T('whatif.change', { change: `${sign}${geocn.number(Math.abs(change) * 100, 3)}` }) }),
      el('p', { text: T('whatif.several', { several: amount(now.several) }) }),
      el('p', { text: T('whatif.gap', { gap: amount(now.gap) }) }),
    );
    if (what.exact !== null) box.append(el('p', { text: T('whatif.exact', { share: percent(what.exact) }) }));
    const table = geocn.$('whatif-partners');
    table.replaceChildren();
    for (const [name, sites] of partners()) {
      const alone = count(what.on.map((on, k) => on && sites.includes(k)));
      const without = count(what.on.map((on, k) => on && !sites.includes(k)));
      table.append(el('tr', {}, el('th', { text: name, attrs: { scope: 'row' } }), el('td', { cls: 'number', text: percent(alone.share) }), el('td', { cls: 'number', text: percent(now.share - without.share) })));
    }
    document.querySelectorAll('#whatif-sites input').forEach((input) => { input.checked = what.on[Number(input.value)]; });
  };

  const every = (on) => {
    what.on.fill(on);
    refresh();
  };

  const choice = (parent) => {
    const select = el('select', { id: 'whatif-choice', attrs: { 'aria-label': T('layer.coverage') } });
    all.forEach((one, k) => {
      const option = el('option', { text: one.title ?? `${T('layer.coverage')} ${k + 1}`, attrs: { value: k } });
      option.selected = one === what;
      select.append(option);
    });
    select.addEventListener('change', () => {
      what = all[Number(select.value)];
      parent.replaceChildren();
      panel(parent);
      geocn.$('whatif-choice').focus();
    });
    return select;
  };

  const panel = (parent) => {
    const button = (label, run) => el('button', { text: T(label), attrs: { type: 'button' }, on: { click: run } });
    const sites = el('div', { id: 'whatif-sites' });
    for (const [name, members] of partners()) {
      const group = el('fieldset', {}, el('legend', { text: name }));
      for (const site of members) {
        const input = el('input', { attrs: { type: 'checkbox', value: site } });
        input.checked = what.on[site];
        input.addEventListener('change', () => set(site, input.checked));
        group.append(el('label', {}, input, el('span', { text: what.sites[site].name })));
      }
      sites.append(group);
    }
    parent.append(
      all.length > 1 ? choice(parent) : '',
      el('p', { cls: 'hint', text: T('whatif.hint') }),
      what.sampled ? el('p', { cls: 'hint', text: T('whatif.sampled') }) : '',
      el('div', { id: 'whatif-result', attrs: { 'aria-live': 'polite' } }),
      el('table', { cls: 'small' }, el('thead', {}, el('tr', {}, el('th', { text: T('field.partner'), attrs: { scope: 'col' } }), el('th', { text: T('whatif.own'), attrs: { scope: 'col' } }), el('th', { text: T('whatif.only'), attrs: { scope: 'col' } }))), el('tbody', { id: 'whatif-partners' })),
      el('div', { cls: 'row' }, button('whatif.all', () => every(true)), button('whatif.none', () => every(false))),
      sites,
    );
    refresh();
  };

  geocn.parts.whatif = { start, panel };
})();
