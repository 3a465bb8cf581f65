'use strict';
// The ranked table: every row of a layer in words and numbers; a click goes there.
(() => {
  const { el, T } = geocn;
  const PAGE = 200;
  const PREFERRED = ['siting', 'gaps', 'border_hotspots', 'hotspots', 'corridors', 'seizures'];
  const state = { layer: null, sort: null, down: true, all: false };

  const choosable = () => geocn.layers.filter((layer) => layer.n > 0);

  const startLayer = () => {
    const found = choosable();
    for (const kind of PREFERRED) {
      const layer = found.find((one) => one.kind === kind);
      if (layer) return layer;
    }
    return found[0] ?? null;
  };

  const sortColumn = (layer) => layer.rank[0] ?? (layer.columns[0] ? layer.columns[0].name : null);

  // The columns that tell most come first: where or what, then the measures.
  const columnsOf = (layer) => {
    const names = layer.columns.map((c) => c.name).filter((name) => name !== 'date_precision');
    const front = ['rank', 'name', 'dyad', 'segment_id', 'place', 'admin', 'drug', 'kind', 'origin', 'destination', 'hotspot_class', ...layer.rank];
    return [...new Set([...front.filter((name) => names.includes(name)), ...names])];
  };

  const valueOf = (layer, name, row) => (name === '#period' ? layer.periodValue(row) : layer.value(name, row));

  const rowsOf = (layer) => {
    const rows = [];
    for (let i = 0; i < layer.n; i++) if (layer.shown[i]) rows.push(i);
    const { sort, down } = state;
    if (!sort) return rows;
    const collate = new Intl.Collator(geocn.state.language, { numeric: true });
    const keys = rows.map((row) => valueOf(layer, sort, row));
    const order = rows.map((_, k) => k).sort((a, b) => {
      const x = keys[a], y = keys[b];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const difference = typeof x === 'number' ? x - y : collate.compare(x, y);
      return (down ? -difference : difference) || a - b;
    });
    return order.map((k) => rows[k]);
  };

  const textOf = (layer, name, row) => {
    if (name !== '#period') return geocn.cell(layer, name, row);
    const value = layer.periodValue(row);
    return value === null ? '' : geocn.number(value);
  };

  const headOf = (layer, name) => (name === '#period' ? geocn.field(layer.measure) : layer.label(name));

  const table = (layer, parent) => {
    const names = layer.matrix ? ['#period', ...columnsOf(layer)] : columnsOf(layer);
    const head = el('tr', {}, el('th', { text: '#', attrs: { scope: 'col' } }));
    for (const name of names) {
      const arrow = state.sort === name ? (state.down ? ' ▼' : ' ▲') : '';
      const button = el('button', { text: headOf(layer, name) + arrow, attrs: { type: 'button' } });
      button.addEventListener('click', () => {
        // Texts start at A, figures and dates with the greatest.
        state.down = state.sort === name ? !state.down : !(layer.byName[name] && layer.byName[name].kind === 'text');
        state.sort = name;
        refresh();
        const again = geocn.$('ranking').querySelectorAll('th button')[names.indexOf(name)];
        if (again) again.focus();
      });
      const column = layer.byName[name];
      head.append(el('th', { cls: name === '#period' || (column && column.kind === 'number') ? 'number' : '', attrs: { scope: 'col', 'aria-sort': state.sort === name ? (state.down ? 'descending' : 'ascending') : 'none' } }, button));
    }
    const rows = rowsOf(layer), body = el('tbody');
    rows.slice(0, state.all ? rows.length : PAGE).forEach((row, k) => body.append(line(layer, names, row, k)));
    const caption = el('caption', { text: T('table.caption', { n: rows.length, layer: layer.title() }) });
    parent.append(el('div', { cls: 'table-scroll', attrs: { tabindex: 0, role: 'region', 'aria-label': T('tab.ranking') } }, el('table', {}, caption, el('thead', {}, head), body)));
    if (rows.length > PAGE && !state.all) {
      const more = el('button', { text: T('table.all', { n: rows.length }), attrs: { type: 'button' } });
      more.addEventListener('click', () => { state.all = true; refresh(); });
      parent.append(more);
    }
  };

  const line = (layer, names, row, k) => {
    const has = layer.geometry.first[row] >= 0;
    const go = el('button', { cls: 'go', text: String(k + 1), attrs: { type: 'button', 'aria-label': T(has ? 'table.go' : 'table.nowhere', { n: String(k + 1) }) } });
    go.disabled = !has;
    const entry = el('tr', { cls: has ? 'goes' : 'nowhere' }, el('td', {}, go));
    for (const name of names) {
      const column = layer.byName[name];
      entry.append(el('td', { cls: name === '#period' || (column && column.kind === 'number') ? 'number' : '', text: textOf(layer, name, row) }));
    }
    if (has) entry.addEventListener('click', () => { geocn.emit('look'); geocn.choose(layer, row); });
    return entry;
  };

  // A cell that a spreadsheet would run as a formula starts with an apostrophe instead.
  const defused = (text) => {
    const plain = text.replace(/[\u2066-\u2069]/g, '');
    const safe = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(plain) && Number.isNaN(Number(plain)) ? `'${plain}` : plain;
    return /[",\n\r;]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };

  const csv = (layer) => {
    const names = layer.columns.map((c) => c.name);
    const extra = layer.matrix ? ['#period'] : [];
    const raw = (name, row) => {
      const value = valueOf(layer, name, row);
      if (value === null) return '';
      const column = layer.byName[name];
      return column && column.kind === 'day' ? new Date(value * 86400000).toISOString().slice(0, 10) : String(value);
    };
    const lines = [[defused(geocn.config.marking), defused(geocn.config.title)].join(','), [...names, ...extra.map(() => layer.measure)].map(defused).join(',')];
    rowsOf(layer).forEach((row) => lines.push([...names, ...extra].map((name) => defused(raw(name, row))).join(',')));
    geocn.download(`geocn-${geocn.config.map_id}-${layer.kind}.csv`, 'text/csv', `\ufeff${lines.join('\r\n')}\r\n`);
  };

  const refresh = () => {
    const box = geocn.$('ranking');
    if (!box) return;
    const layers = choosable();
    if (!layers.length) { box.replaceChildren(el('p', { text: T('no.layers') })); return; }
    if (!state.layer) { state.layer = startLayer(); state.sort = state.layer.matrix ? '#period' : sortColumn(state.layer); }
    const select = el('select', { id: 'ranking-layer', attrs: { 'aria-label': T('layer') } });
    layers.forEach((layer, k) => {
      const option = el('option', { text: layer.title(), attrs: { value: k } });
      option.selected = layer === state.layer;
      select.append(option);
    });
    select.addEventListener('change', () => {
      state.layer = layers[Number(select.value)];
      state.sort = state.layer.matrix ? '#period' : sortColumn(state.layer);
      state.down = true;
      state.all = false;
      refresh();
    });
    const save = el('button', { text: T('table.csv'), attrs: { type: 'button' }, on: { click: () => csv(state.layer) } });
    box.replaceChildren(el('div', { cls: 'row' }, select, save), el('p', { cls: 'hint', text: T('table.hint') }));
    table(state.layer, box);
  };

  const panel = (parent) => {
    parent.append(el('div', { id: 'ranking' }));
    refresh();
  };

  geocn.on('period', refresh);
  geocn.parts.ranking = { panel };
})();
