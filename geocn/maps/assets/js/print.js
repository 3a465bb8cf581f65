'use strict';
// Printing at a paper size: the map is laid out for the sheet before the browser prints it.
(() => {
  const { el, T } = geocn;
  const SIZES = { 'a4-landscape': [297, 210], 'a4-portrait': [210, 297], 'a3-landscape': [420, 297], 'a3-portrait': [297, 420] };
  const MARGIN = 8;
  let paper = 'a4-landscape', view = null, rule = null;

  // @page cannot be changed from an element's style, so one rule of our own sheet is replaced.
  const setPage = () => {
    const sheet = [...document.styleSheets].pop();
    if (rule !== null) sheet.deleteRule(rule);
    const [width, height] = SIZES[paper];
    rule = sheet.insertRule(`@page { size: ${width}mm ${height}mm; margin: ${MARGIN}mm; }`, sheet.cssRules.length);
  };

  const layOut = () => {
    if (view) return;
    const { map } = geocn, [width, height] = SIZES[paper];
    view = { bounds: map.getBounds(), center: map.getCenter(), zoom: map.getZoom() };
    map.closePopup();
    summary();
    const root = document.documentElement;
    root.style.setProperty('--sheet-width', `${width - 2 * MARGIN}mm`);
    root.style.setProperty('--sheet-height', `${height - 2 * MARGIN - 1}mm`);
    root.classList.add('printing');
    root.classList.toggle('upright', height > width);
    shrink();
    map.invalidateSize({ animate: false, pan: false });
    const everything = view.bounds.contains(geocn.home);
    map.fitBounds(everything ? geocn.home : view.bounds, { animate: false, padding: everything ? [20, 20] : [0, 0], maxZoom: Math.max(9, view.zoom) });
  };

  // Nothing of the legend, sources and limits may be cut off: a long one is set smaller, or wider.
  const shrink = () => {
    const sheet = geocn.$('sheet'), inner = sheet.firstChild;
    const fits = () => sheet.scrollHeight <= sheet.clientHeight + 1 && sheet.scrollWidth <= sheet.clientWidth + 1;
    for (const wide of [false, true]) {
      sheet.classList.toggle('wide', wide);
      for (let zoom = 1; zoom > 0.58; zoom -= 0.06) {
        inner.style.zoom = zoom;
        if (fits()) return;
      }
    }
  };

  const restore = () => {
    if (!view) return;
    document.documentElement.classList.remove('printing', 'upright');
    geocn.map.invalidateSize({ animate: false, pan: false });
    geocn.map.setView(view.center, view.zoom, { animate: false });
    view = null;
  };

  // The side of the sheet: title block, legend of what is shown, sources and limits.
  const summary = () => {
    const { config } = geocn;
    const old = geocn.$('sheet');
    if (old) old.remove();
    const legend = el('div', { cls: 'sheet-legend' });
    for (const layer of [...geocn.layers].reverse()) {
      if (layer.visible) legend.append(el('section', {}, el('h3', { text: layer.title() }), geocn.parts.legend.legendOf(layer)));
    }
    const period = geocn.periods.length ? [el('p', { text: `${T('period')}: ${geocn.parts.main.periodName()}` })] : [];
    const sources = el('ul', { cls: 'plain' }, ...config.sources.map((text) => el('li', { text })));
    const inner = el('div', { cls: 'sheet-inner' }, geocn.parts.main.titleBlock(), ...period, el('h2', { text: T('limits') }), geocn.parts.legend.limits(), el('h2', { text: T('sources') }), sources, el('h2', { text: T('legend') }), legend);
    geocn.$('frame').append(el('aside', { id: 'sheet' }, inner));
  };

  const panel = (parent) => {
    const select = el('select', { id: 'paper', attrs: { 'aria-label': T('print.paper') } });
    for (const name of Object.keys(SIZES)) {
      const option = el('option', { text: T(`print.${name}`), attrs: { value: name } });
      option.selected = name === paper;
      select.append(option);
    }
    select.addEventListener('change', () => { paper = select.value; setPage(); });
    const button = el('button', { id: 'print', text: T('print'), attrs: { type: 'button' }, on: { click: () => window.print() } });
    parent.append(el('div', { cls: 'row' }, select, button));
  };

  const start = () => {
    setPage();
    window.addEventListener('beforeprint', layOut);
    window.addEventListener('afterprint', restore);
  };

  geocn.parts.print = { start, panel, layOut, restore };
})();
