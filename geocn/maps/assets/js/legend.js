'use strict';
// The layers tab: what is shown, and the legend of what is shown.
(() => {
  const { el, T } = geocn;

  const range = (low, high, last) => (last ? `${geocn.number(low)} – ${geocn.number(high)}` : `${geocn.number(low)} – < ${geocn.number(high)}`);

  // The first of several classes is open below: its least value is noise more often than news.
  const classText = (breaks, k) => {
    const last = breaks.length - 2;
    return k === 0 && last > 0 ? `< ${geocn.number(breaks[1])}` : range(breaks[k], breaks[k + 1], k === last);
  };

  const key = (layer, k, extra = {}) => {
    const color = layer.colorOf(k);
    if (layer.hasPoints && !layer.hasShapes) {
      return geocn.symbol.picture({ color, shape: (layer.style.shapes ?? layer.style.signs ?? [])[k] ?? layer.style.shape ?? 'circle', badge: layer.badged, ...extra });
    }
    if (layer.hasLines && !layer.geometry.kind.includes(2)) {
      return geocn.symbol.line({ color, width: (layer.style.widths ?? [])[k] ?? 3, dash: (layer.style.dashes ?? [])[k] ?? '', sign: layer.signOf(k) });
    }
    return geocn.symbol.area({ color, strong: (layer.style.strong ?? [])[k], sign: layer.signOf(k), dash: layer.style.dashes ? layer.style.dashes[k] ?? '' : undefined, edge: layer.style.signs ? '#333' : undefined, faint: layer.kind === 'reach' || (layer.style.strong && !layer.style.strong[k]) });
  };

  const item = (picture, text) => el('li', {}, picture, el('span', { text }));

  const classes = (layer) => {
    const { style } = layer, items = [];
    if (style.by === 'class') {
      const top = style.breaks.length - 2;
      if (top < 0) return [item(key(layer, 0), T('no.values'))];
      for (let k = 0; k <= Math.max(0, top); k++) items.push(item(key(layer, k), geocn.isolate(top < 1 && style.breaks[0] === style.breaks[1] ? geocn.number(style.breaks[0]) : classText(style.breaks, k))));
    } else if (style.by === 'step') {
      style.steps.forEach((step, k) => {
        const text = style.column === 'tolerance' ? T('within', { share: `${geocn.number(step * 100)} %` }) : style.open_end && k === style.steps.length - 1 ? `≥ ${geocn.number(step)}` : geocn.number(step);
        items.push(item(key(layer, k), text));
      });
    } else if (style.by === 'category') {
      style.levels.forEach((level, k) => items.push(item(key(layer, k), geocn.code(level, style.column))));
      if (style.has_other) items.push(item(key(layer, -1), T('other')));
    }
    return items;
  };

  const sizes = (layer) => {
    if (!layer.size) return null;
    const list = el('ul', { cls: 'sizes' });
    layer.size.radii.forEach((radius, k) => {
      list.append(item(geocn.symbol.picture({ color: '#999', radius: radius * 0.9 }), geocn.isolate(classText(layer.size.breaks, k))));
    });
    return el('div', {}, el('p', { cls: 'measure', text: geocn.field(layer.size.column) }), list);
  };

  const legendOf = (layer) => {
    const box = el('div', { cls: 'legend' });
    const measure = layer.matrix ? layer.measure : layer.style.column;
    if (measure) box.append(el('p', { cls: 'measure', text: layer.matrix ? T('per.period', { measure: geocn.field(measure) }) : layer.label(measure) }));
    const items = classes(layer);
    if (items.length) box.append(el('ul', {}, ...items));
    if (layer.kind === 'border_hotspots' && layer.style.by === 'class' && layer.byName.hotspot_class) {
      box.append(el('ul', {}, item(geocn.symbol.line({ color: '#666' }), T('legend.significant')), item(geocn.symbol.line({ color: '#666', dash: '3 4' }), T('legend.doubtful'))));
    }
    const bySize = sizes(layer);
    if (bySize) box.append(bySize);
    if (layer.piles && layer.piles.length) box.append(el('ul', {}, item(geocn.symbol.picture({ color: '#444', hollow: true, radius: 7 }), T('legend.imprecise'))));
    return box;
  };

  const count = (layer) => {
    const shown = layer.nDrawn();
    return geocn.state.period < 0 && shown === layer.n ? T('count', { n: layer.n }) : T('count.of', { shown, n: layer.n });
  };

  const opacity = (layer) => {
    const percent = () => geocn.share(layer.opacity);
    const slider = el('input', { attrs: { type: 'range', min: 10, max: 100, step: 5, 'aria-label': T('opacity.of', { layer: layer.title() }), 'aria-valuetext': percent() } });
    const output = el('span', { text: percent(), attrs: { 'aria-hidden': 'true' } });
    slider.value = Math.round(layer.opacity * 100);
    slider.addEventListener('input', () => {
      geocn.setOpacity(layer, slider.value / 100);
      output.textContent = percent();
      slider.setAttribute('aria-valuetext', percent());
    });
    return el('div', { cls: 'opacity' }, el('span', { text: T('opacity'), attrs: { 'aria-hidden': 'true' } }), slider, output);
  };

  const panel = (parent) => {
    const list = el('div', { cls: 'layer-list' });
    for (const layer of [...geocn.layers].reverse()) {
      const box = el('input', { attrs: { type: 'checkbox' } });
      box.checked = layer.visible;
      box.addEventListener('change', () => geocn.setVisible(layer, box.checked));
      const number = el('span', { cls: 'count', text: count(layer) });
      const entry = el('section', { cls: 'layer' }, el('label', {}, box, el('span', { cls: 'layer-name', text: layer.title() }), number));
      const show = () => {
        box.checked = layer.visible;
        const old = entry.querySelector('.explained');
        if (old) old.remove();
        if (layer.visible) entry.append(el('div', { cls: 'explained' }, opacity(layer), legendOf(layer)));
      };
      show();
      layer.refreshLegend = show;
      layer.refreshCount = () => { number.textContent = count(layer); };
      list.append(entry);
    }
    parent.append(list);
    if (!geocn.layers.length) parent.append(el('p', { text: T('no.layers') }));
    parent.append(el('section', { cls: 'limits-short' }, el('h2', { text: T('limits') }), limits()));
  };

  // What the map does not show: what its maker said, and what the data themselves leave out.
  const limits = () => {
    const list = el('ul', { cls: 'plain' });
    const say = (text) => list.append(el('li', { text }));
    geocn.config.limits.forEach((text) => say(geocn.isolate(text)));
    for (const layer of geocn.layers) {
      if (layer.missing) say(T(layer.kind === 'reach' ? 'limit.reach' : 'limit.missing', { n: layer.missing, layer: layer.title() }));
      if (layer.left_out) say(T('limit.left_out', { n: layer.left_out, layer: layer.title() }));
      const rough = layer.piles ? layer.piles.reduce((sum, pile) => sum + pile.rows.length, 0) : 0;
      if (rough) say(T('limit.imprecise', { n: rough, layer: layer.title() }));
      const away = layer.nOutside(geocn.home);
      if (away) say(T('limit.outside', { n: away, layer: layer.title() }));
      if (layer.vague && geocn.state.period >= 0) say(T('limit.vague', { n: layer.vague, layer: layer.title() }));
    }
    say(T('limit.borders'));
    return list;
  };

  geocn.on('visible', (layer) => layer.refreshLegend && layer.refreshLegend());
  geocn.on('period', () => geocn.layers.forEach((layer) => layer.refreshCount && layer.refreshCount()));
  geocn.parts.legend = { panel, limits, legendOf };
})();
