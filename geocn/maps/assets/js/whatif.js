'use strict';
// What if: sites are switched or placed, coverage is counted again at once. Each site is a
// row of bits, one a demand point, and 32 of them are joined in one step.
(() => {
  const { el, T } = geocn;
  const STYLE = { color: '#7a0177', weight: 2.5, fillColor: '#7a0177', pane: 'notes' };
  const REACH_KM = 25, MOST_GAPS = 8;
  // The great circle is within 0.56 % of the geodesic; only what lies closer to the reach is measured on the ellipsoid.
  const RADIUS = 6371008.8, DOUBT = 0.006, DEGREE = Math.PI / 180;
  const NAMES = ['name', 'place', 'admin', 'cell_id'];
  const placed = [];
  let all = [], what = null, placing = false, reach = REACH_KM, owner = '';

  const start = () => {
    const { header, read } = geocn.blocks.data;
    all = header.whatif.map((one) => {
      const weights = read(one.weights), bytes = read(one.bits), width = Math.ceil(one.n / 32);
      const words = new Uint32Array(width * one.sites.length), view = new Uint8Array(words.buffer);
      const at = (ref) => Float64Array.from(read(ref), (step) => step / one.steps);
      one.sites.forEach((_, k) => view.set(bytes.subarray(k * one.stride, (k + 1) * one.stride), k * width * 4));
      return {
        ...one, weights, width, lon: at(one.x), lat: at(one.y), row: read(one.rows),
        total: weights.reduce((sum, w) => sum + w, 0),
        bits: one.sites.map((_, k) => words.subarray(k * width, (k + 1) * width)),
        on: new Array(one.sites.length).fill(true), reached: new Map(),
      };
    });
    if (!all.length) return;
    [what] = all;
    geocn.whatif = { count, set, scenario, changed: () => placed.length > 0 || what.on.includes(false), place, restore, placed: () => placed, bits: (site) => bitsOf(site) };
    geocn.map.on('click', (event) => { if (placing) place(event.latlng); });
    document.addEventListener('keydown', (event) => {
      if (!placing) return;
      if (event.key === 'Escape') stop();
      if (event.key === 'Enter' && !['BUTTON', 'INPUT'].includes(event.target.tagName)) { event.preventDefault(); place(geocn.map.getCenter()); }
    });
    geocn.on('look', () => { if (placing && geocn.state.drawing !== 'site') { placing = false; redraw(); } });
  };

  // The demand within a geodesic distance of a placed site.
  const bitsOf = (site) => {
    if (what.reached.has(site)) return what.reached.get(site);
    const bits = new Uint32Array(what.width), metres = site.reach_km * 1000, { lat, lng } = site.at_place;
    const cos = Math.cos(lat * DEGREE);
    for (let i = 0; i < what.n; i++) {
      const h = Math.sin(((what.lat[i] - lat) * DEGREE) / 2) ** 2 + cos * Math.cos(what.lat[i] * DEGREE) * Math.sin(((what.lon[i] - lng) * DEGREE) / 2) ** 2;
      const about = 2 * RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
      if (about > metres * (1 + DOUBT)) continue;
      if (about < metres * (1 - DOUBT) || geocn.parts.measure.distance({ lat, lng }, { lat: what.lat[i], lng: what.lon[i] }) <= metres) bits[i >> 5] |= 1 << (i & 31);
    }
    what.reached.set(site, bits);
    return bits;
  };

  const weigh = (bits) => {
    let sum = 0;
    for (let i = 0; i < bits.length; i++) {
      for (let word = bits[i]; word; word &= word - 1) sum += what.weights[(i << 5) + 31 - Math.clz32(word & -word)];
    }
    return sum;
  };

  // Adds a row of bits to what is reached once and twice.
  const add = (bits, once, twice) => {
    for (let i = 0; i < bits.length; i++) {
      twice[i] |= once[i] & bits[i];
      once[i] |= bits[i];
    }
  };

  const nameOf = (partner) => partner || T('partner.unknown');
  const sitesOf = () => [
    ...what.sites.map((site, k) => ({ k, name: site.name, partner: nameOf(site.partner), on: what.on[k], bits: what.bits[k] })),
    ...placed.map((site) => ({ site, name: site.name, partner: nameOf(site.partner), on: site.on, bits: bitsOf(site) })),
  ];

  // Weight within reach of the sites that are on, of several of them, and by partner.
  const count = (sites = sitesOf()) => {
    const row = () => new Uint32Array(what.width);
    const once = row(), twice = row(), byOne = row(), byMore = row(), partners = new Map();
    for (const { partner, on, bits } of sites) {
      if (!partners.has(partner)) partners.set(partner, row());
      if (!on) continue;
      add(bits, once, twice);
      const own = partners.get(partner);
      for (let i = 0; i < bits.length; i++) own[i] |= bits[i];
    }
    partners.forEach((own) => add(own, byOne, byMore));
    const covered = weigh(once);
    const told = [...partners].sort((a, b) => a[0].localeCompare(b[0])).map(([name, own]) => {
      const shared = weigh(own.map((word, i) => word & byMore[i])), reaches = weigh(own);
      return { name, reaches, shared, only: reaches - shared };
    });
    return { covered, several: weigh(twice), gap: what.total - covered, share: what.total > 0 ? covered / what.total : NaN, partners: told, once };
  };

  // What the sites reach as they were handed over, or as they are switched and placed now.
  const scenario = (name) => {
    const given = () => what.sites.map((_, k) => ({ partner: '', on: true, bits: what.bits[k] }));
    const { once, share: reached } = name === 'is' ? count(given()) : count();
    return { n: what.n, lon: what.lon, lat: what.lat, weights: what.weights, once, share: percent(reached), placed: name === 'is' ? [] : placed.filter((site) => site.on) };
  };

  // The rows of the demand with most weight out of reach.
  const gaps = (once) => {
    const missed = new Map(), spot = new Map();
    for (let i = 0; i < what.n; i++) {
      if ((once[i >> 5] >>> (i & 31)) & 1 || !(what.weights[i] > 0)) continue;
      missed.set(what.row[i], (missed.get(what.row[i]) ?? 0) + what.weights[i]);
      if (!spot.has(what.row[i])) spot.set(what.row[i], i);
    }
    const top = [];
    for (const [row, weight] of missed) {
      if (top.length === MOST_GAPS && weight <= top[MOST_GAPS - 1].weight) continue;
      let at = top.findIndex((one) => one.weight < weight);
      if (at < 0) at = top.length;
      top.splice(at, 0, { row, weight, spot: spot.get(row) });
      top.length = Math.min(top.length, MOST_GAPS);
    }
    return top;
  };

  // The row of the layer that draws a demand: areas keep their order, points are known by their place.
  const drawnAs = ({ row, spot }) => {
    const layer = geocn.layers.find((one) => one.id === what.layer);
    if (!layer || !layer.hasPoints) return { layer, row };
    if (!what.byPlace) {
      const g = layer.geometry;
      what.byPlace = new Map();
      for (let k = 0; k < layer.n; k++) if (g.first[k] >= 0) what.byPlace.set(`${g.lon[g.start[g.first[k]]].toFixed(5)} ${g.lat[g.start[g.first[k]]].toFixed(5)}`, k);
    }
    const found = what.byPlace.get(`${what.lon[spot].toFixed(5)} ${what.lat[spot].toFixed(5)}`);
    return { layer: found === undefined ? null : layer, row: found };
  };

  const gapEntry = (gap) => {
    const { layer, row } = drawnAs(gap), at = [what.lat[gap.spot], what.lon[gap.spot]];
    const name = layer ? NAMES.map((column) => layer.value(column, row)).find((text) => text !== null) : null;
    const go = el('button', { cls: 'link', text: name ? geocn.isolate(String(name)) : geocn.isolate(at.map((v) => v.toFixed(2)).join(', ')), attrs: { type: 'button' } });
    go.addEventListener('click', () => {
      geocn.emit('look');
      if (layer) geocn.choose(layer, row); else geocn.map.setView(at, 8);
    });
    return el('li', {}, go, el('span', { text: amount(gap.weight) }));
  };

  const set = (site, on) => {
    what.on[site] = on;
    refresh();
  };

  const show = (site) => {
    const faint = site.on ? 1 : 0.35;
    site.shapes.forEach((shape, k) => shape.setStyle({ opacity: faint, fillOpacity: (k ? 0.9 : 0.08) * faint }));
  };

  const put = (site) => {
    site.on = true;
    site.shapes = [
      L.circle(site.at_place, { ...STYLE, radius: site.reach_km * 1000, dashArray: '6 4', interactive: false }),
      L.circleMarker(site.at_place, { ...STYLE, radius: 7, color: '#fff' }),
    ];
    site.shapes.forEach((shape) => shape.addTo(geocn.map));
    site.shapes[1].on('click', () => { if (!geocn.state.drawing) geocn.showTab('whatif'); });
    placed.push(site);
    show(site);
    return site;
  };

  const place = (latlng) => {
    stop();
    const { notes } = geocn.parts, { map_id, marking } = geocn.config;
    const site = put({ id: notes.newId(), name: T('whatif.new.name', { n: String(placed.length + 1) }).replace(/[\u2066-\u2069]/g, ''), partner: owner || T('whatif.new.partner'), reach_km: reach, at_place: latlng, at: notes.now(), own: true, marking, map_id });
    geocn.state.saved = false;
    geocn.showTab('whatif');
    return site;
  };

  const remove = (site) => {
    site.shapes.forEach((shape) => shape.remove());
    placed.splice(placed.indexOf(site), 1);
    all.forEach((one) => one.reached.delete(site));
  };

  // A site out of a file of notes; says what became of it.
  const restore = (note) => {
    const old = placed.find((one) => one.id === note.id);
    if (old && old.at >= note.at) return 'same';
    if (old) remove(old);
    put({ id: note.id, name: note.text || T('notes.site'), partner: note.partner, reach_km: note.reach_km, at_place: note.vertices[0], at: note.at, author: note.author, marking: note.marking, map_id: note.map_id });
    redraw();
    return old ? 'edited' : 'added';
  };

  const begin = () => {
    placing = true;
    geocn.state.drawing = 'site';
    geocn.map.closePopup();
    geocn.map.getContainer().classList.add('drawing');
    redraw();
    geocn.emit('look');
  };

  const stop = () => {
    if (!placing) return;
    placing = false;
    geocn.state.drawing = null;
    geocn.map.getContainer().classList.remove('drawing');
    redraw();
  };

  const percent = (value) => (Number.isNaN(value) ? '–' : geocn.share(value));
  const amount = (value) => {
    if (!what.label) return geocn.number(value);
    const unit = /(?:^|_)(ha|km2|km|kg)$/.exec(what.label);
    return unit ? geocn.unit(value, unit[1]) : `${geocn.number(value)} ${geocn.field(what.label)}`;
  };

  const share = (value) => percent(what.total > 0 ? value / what.total : NaN);

  const refresh = () => {
    geocn.emit('whatif');
    const box = geocn.$('whatif-result');
    if (!box) return;
    const now = count();
    what.base ??= count(what.sites.map((site, k) => ({ partner: '', on: true, bits: what.bits[k] }))).share;
    const change = now.share - what.base;
    const sign = change > 0 ? '+' : change < 0 ? '−' : '±';
    box.replaceChildren(
      el('p', { cls: 'big', text: percent(now.share), attrs: { 'data-share': String(now.share) } }),
      el('p', { text: T('whatif.covered', { covered: geocn.number(now.covered), total: amount(what.total) }) }),
      el('p', { text: T('whatif.change', { change: `${sign}${geocn.number(Math.abs(change) * 100, 3)}` }) }),
      el('p', { text: T('whatif.several', { several: amount(now.several) }) }),
      el('p', { text: T('whatif.gap', { gap: amount(now.gap) }) }),
    );
    if (what.exact !== null) box.append(el('p', { text: T('whatif.exact', { share: percent(what.exact) }) }));
    const cell = (value) => el('td', { cls: 'number', text: share(value) });
    geocn.$('whatif-partners').replaceChildren(...now.partners.map((one) => el('tr', {}, el('th', { text: one.name, attrs: { scope: 'row' } }), cell(one.reaches), cell(one.only), cell(one.shared))));
    const worst = gaps(now.once);
    geocn.$('whatif-gaps').replaceChildren(...worst.map(gapEntry));
    geocn.$('whatif-no-gap').hidden = worst.length > 0;
    document.querySelectorAll('#whatif-sites input').forEach((input) => { input.checked = input.dataset.placed ? placed[Number(input.value)].on : what.on[Number(input.value)]; });
  };

  const every = (on) => {
    what.on.fill(on);
    placed.forEach((site) => { site.on = on; show(site); });
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

  const entry = ({ site, k, name }) => {
    const input = el('input', { attrs: { type: 'checkbox', value: site ? placed.indexOf(site) : k, ...(site ? { 'data-placed': 'true' } : {}) } });
    input.addEventListener('change', () => {
      if (!site) { set(k, input.checked); return; }
      site.on = input.checked;
      show(site);
      refresh();
    });
    const label = el('label', {}, input, el('span', { text: site ? `${name} · ${geocn.unit(site.reach_km, 'km')}` : name }));
    if (!site) return label;
    const away = el('button', { text: '✕', attrs: { type: 'button', 'aria-label': T('whatif.remove'), title: T('whatif.remove') }, on: { click: () => { remove(site); redraw(); } } });
    return el('div', { cls: 'row' }, label, away);
  };

  // How far a new site reaches and whose it is, and the button that lets it be placed.
  const form = () => {
    const far = el('input', { id: 'whatif-reach', attrs: { type: 'number', min: 1, max: 2000, step: 'any' } });
    far.value = reach;
    far.addEventListener('input', () => { if (Number(far.value) > 0) reach = Math.min(2000, Number(far.value)); });
    const whose = el('input', { id: 'whatif-owner', attrs: { type: 'text', maxlength: 120, autocomplete: 'off', dir: 'auto', placeholder: T('whatif.new.partner') } });
    whose.value = owner;
    whose.addEventListener('input', () => { owner = whose.value.trim(); });
    const button = el('button', { id: 'whatif-new', text: T('whatif.new'), attrs: { type: 'button', 'aria-pressed': String(placing) }, on: { click: () => (placing ? stop() : begin()) } });
    const field = (label, input) => el('label', {}, el('span', { text: T(label) }), input);
    return [el('div', { cls: 'new-site' }, field('field.reach_km', far), field('field.partner', whose), button), placing ? el('p', { cls: 'hint', text: T('whatif.new.how'), attrs: { role: 'status' } }) : ''];
  };

  const panel = (parent) => {
    const button = (label, run) => el('button', { text: T(label), attrs: { type: 'button' }, on: { click: run } });
    const groups = new Map();
    for (const one of sitesOf()) groups.set(one.partner, [...(groups.get(one.partner) ?? []), one]);
    const sites = el('div', { id: 'whatif-sites' });
    for (const [name, members] of [...groups].sort((a, b) => a[0].localeCompare(b[0]))) {
      sites.append(el('fieldset', {}, el('legend', { text: name }), ...members.map(entry)));
    }
    const head = ['field.partner', 'whatif.own', 'whatif.only', 'whatif.shared'].map((key, k) => el('th', { cls: k ? 'number' : '', text: T(key), attrs: { scope: 'col' } }));
    parent.append(
      all.length > 1 ? choice(parent) : '',
      el('p', { cls: 'hint', text: T('whatif.hint') }),
      what.sampled ? el('p', { cls: 'hint', text: T('whatif.sampled') }) : '',
      el('div', { id: 'whatif-result', attrs: { 'aria-live': 'polite' } }),
      ...form(),
      el('table', { cls: 'small' }, el('thead', {}, el('tr', {}, ...head)), el('tbody', { id: 'whatif-partners' })),
      el('h2', { text: T('whatif.gaps') }), el('ol', { id: 'whatif-gaps' }), el('p', { id: 'whatif-no-gap', cls: 'hint', text: T('whatif.gaps.none') }),
      el('div', { cls: 'row' }, button('whatif.all', () => every(true)), button('whatif.none', () => every(false))),
      sites,
      placed.length ? el('div', { cls: 'row' }, button('whatif.save', geocn.parts.notes.save)) : '',
    );
    refresh();
  };

  const redraw = () => {
    if (!geocn.$('whatif-sites')) return;
    const body = geocn.$('tab-body'), at = body.scrollTop;
    body.replaceChildren();
    panel(body);
    body.scrollTop = at;
  };

  geocn.parts.whatif = { start, panel };
})();
