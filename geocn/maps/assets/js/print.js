'use strict';
// Printing at a paper size: the map is laid out for the sheet before the browser prints it.
(() => {
  const { el, T } = geocn;
  const SIZES = { 'a4-landscape': [297, 210], 'a4-portrait': [210, 297], 'a3-landscape': [420, 297], 'a3-portrait': [297, 420] };
  const MARGIN = 8, FINE = 2;
  let paper = 'a4-landscape', view = null, rule = null, told = null;

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
    redraw();
  };

  // A canvas that is drawn while the page is printed goes into the print as vectors over a white
  // ground, which hides the canvases below it. So they are drawn, twice as fine, into one.
  const redraw = () => {
    const { map } = geocn, { retina } = L.Browser, own = Object.getOwnPropertyDescriptor(window, 'devicePixelRatio');
    L.Browser.retina = true;
    Object.defineProperty(window, 'devicePixelRatio', { value: FINE, configurable: true });
    map.eachLayer((layer) => {
      if (!(layer instanceof L.Renderer) || !layer._container || layer._container.tagName !== 'CANVAS') return;
      L.Util.cancelAnimFrame(layer._redrawRequest);
      layer._redrawRequest = null;
      layer._update();
    });
    L.Browser.retina = retina;
    if (own) Object.defineProperty(window, 'devicePixelRatio', own); else delete window.devicePixelRatio;
    const size = map.getSize(), from = map.getContainer().getBoundingClientRect();
    const whole = el('canvas', { id: 'print-map' });
    whole.width = size.x * FINE;
    whole.height = size.y * FINE;
    const context = whole.getContext('2d');
    context.scale(FINE, FINE);
    const height = (pane) => Number(getComputedStyle(pane).zIndex) || 0;
    for (const pane of Object.values(map.getPanes()).sort((a, b) => height(a) - height(b))) {
      for (const one of pane.querySelectorAll(':scope > canvas')) {
        const box = one.getBoundingClientRect();
        if (one.width && one.height) context.drawImage(one, box.left - from.left, box.top - from.top, box.width, box.height);
      }
    }
    map.getContainer().prepend(whole);
    document.documentElement.classList.add('printed');
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
    document.documentElement.classList.remove('printing', 'upright', 'printed');
    geocn.$('print-map')?.remove();
    geocn.map.invalidateSize({ animate: false, pan: false });
    geocn.map.setView(view.center, view.zoom, { animate: false });
    view = null;
  };

  // The side of the sheet: title block, legend of what is shown, sources and limits.
  const summary = () => {
    const { config } = geocn;
    const old = geocn.$('sheet');
    if (old) old.remove();
    const legend = el('div', { cls: 'sheet-legend' }, ...told.legend().map(([name, ...nodes]) => el('section', {}, el('h3', {}, el('bdi', { text: name })), ...nodes)));
    const period = (geocn.periods || []).length ? [el('p', { text: `${T('period')}: ${geocn.parts.main.periodName()}` })] : [];
    const sources = geocn.parts.frame.list(config.sources);
    const inner = el('div', { cls: 'sheet-inner' }, geocn.parts.frame.titleBlock(), ...period, el('h2', { text: T('limits') }), told.limits(), el('h2', { text: T('sources') }), sources, el('h2', { text: T('legend') }), legend);
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

  // What a sheet tells beside the map: `legend` gives a name and its keys for each layer shown.
  const start = (sheet) => {
    told = sheet;
    // An export names its sheet in the address; nothing else is taken from there.
    const [, asked] = /^#paper=([a-z0-9-]+)$/.exec(window.location.hash) ?? [];
    if (asked in SIZES) paper = asked;
    setPage();
    window.addEventListener('beforeprint', layOut);
    window.addEventListener('afterprint', restore);
  };

  geocn.parts.print = { start, panel, layOut, restore };
})();
