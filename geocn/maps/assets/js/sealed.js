'use strict';
// A sealed folium map: draws inert items; every text of theirs is text.
(() => {
  const { el, T } = geocn;
  const { titleBlock, language, fold, list } = geocn.parts.frame;
  const NAMED = { darkred: '#a2332f', lightred: '#ff8e7f', darkpurple: '#5b396b', cadetblue: '#436978', lightgray: '#a3a3a3', lightblue: '#8adaff', lightgreen: '#bbf970', darkgreen: '#728224', darkblue: '#0065a0' };
  const REACH = 46;

  const lines = (text) => el('div', { cls: 'sealed-text', attrs: { dir: 'auto' } }, ...text.split('\n').map((line) => el('p', { text: line })));

  const written = (value, localize) => {
    if (value === null || value === undefined) return '–';
    if (typeof value !== 'number') return value;
    if (!localize) return String(value);
    return new Intl.NumberFormat(geocn.state.language === 'ar' ? 'ar-u-nu-latn' : geocn.state.language, { maximumFractionDigits: 3 }).format(value);
  };

  const fields = (values, about) => {
    if (!about.labels.length) return lines(values.map((value) => written(value, about.localize)).join('\n'));
    const list = el('dl', {});
    values.forEach((value, k) => list.append(el('dt', { text: about.labels[k], attrs: { dir: 'auto' } }), el('dd', { text: written(value, about.localize), attrs: { dir: 'auto' } })));
    return el('div', { cls: 'card' }, list);
  };

  const bind = (layer, item, values = {}) => {
    const node = (slot) => (values[slot] ? fields(values[slot], item[slot]) : item[slot] && item[slot].text !== undefined ? lines(item[slot].text) : null);
    if (values.popup || item.popup) layer.bindPopup(() => node('popup'), { maxWidth: 340, autoClose: !(item.popup && item.popup.open), autoPan: true });
    if (values.tooltip || item.tooltip) {
      const permanent = Boolean(item.tooltip.permanent);
      layer.bindTooltip(() => node('tooltip'), { sticky: !permanent, permanent, className: 'sealed-tip' });
    }
    if (item.popup && item.popup.open) layer.on('add', () => setTimeout(() => layer.openPopup()));
    return layer;
  };

  const pin = (color) => {
    const path = geocn.svg('path', { d: 'M12 35 C12 26 2 22 2 12 A10 10 0 1 1 22 12 C22 22 12 26 12 35 Z', stroke: '#fff', 'stroke-width': 1.5 });
    path.style.fill = NAMED[color] || color;
    const html = geocn.svg('svg', { viewBox: '0 0 24 36', width: 24, height: 36, 'aria-hidden': 'true' }, path, geocn.svg('circle', { cx: 12, cy: 12, r: 4, fill: '#fff' }));
    return L.divIcon({ html, className: 'sealed-pin', iconSize: [24, 36], iconAnchor: [12, 35], popupAnchor: [0, -32], tooltipAnchor: [10, -18] });
  };

  const spot = (at, kind) => {
    if (kind.k === 'dot') return L.circleMarker(at, kind.style);
    if (kind.k === 'circle') return L.circle(at, kind.style);
    return L.marker(at, { icon: pin(kind.color), title: '' });
  };

  const features = (item) => {
    const whole = L.featureGroup();
    for (const one of item.features) {
      const style = one.s || {};
      const layer = L.geoJSON({ type: 'Feature', geometry: one.g, properties: {} }, { style, pointToLayer: (_, at) => spot(at, item.as.style ? { ...item.as, style: { ...item.as.style, ...style } } : item.as) });
      if (one.h) {
        layer.on('mouseover', () => layer.setStyle(one.h));
        layer.on('mouseout', () => layer.setStyle(style));
      }
      whole.addLayer(bind(layer, item, one));
    }
    return whole;
  };

  // Markers that are close on the screen become one, with their number; a click goes nearer.
  const cluster = (item) => {
    const group = L.featureGroup();
    const gather = () => {
      const { map } = geocn;
      group.clearLayers();
      const cells = new Map();
      for (const one of item.items) {
        const at = map.project(one.at, map.getZoom());
        const key = `${Math.floor(at.x / REACH)} ${Math.floor(at.y / REACH)}`;
        cells.set(key, [...(cells.get(key) || []), one]);
      }
      for (const members of cells.values()) {
        if (members.length === 1 || map.getZoom() >= map.getMaxZoom()) { members.forEach((one) => group.addLayer(draw(one))); continue; }
        const box = L.latLngBounds(members.map((one) => one.at));
        const html = el('span', { text: geocn.number(members.length) });
        const pile = L.marker(box.getCenter(), { icon: L.divIcon({ html, className: 'sealed-pile', iconSize: [36, 36] }), alt: T('count', { n: members.length }) });
        pile.on('click', () => map.fitBounds(box, { padding: [60, 60], maxZoom: map.getMaxZoom() }));
        group.addLayer(pile);
      }
    };
    group.on('add', () => { geocn.map.on('zoomend', gather); gather(); });
    group.on('remove', () => geocn.map.off('zoomend', gather));
    return group;
  };

  const DRAW = {
    marker: (item) => bind(spot(item.at, item), item),
    dot: (item) => bind(spot(item.at, item), item),
    circle: (item) => bind(spot(item.at, item), item),
    line: (item) => bind(L.polyline(item.points, item.style), item),
    polygon: (item) => bind(L.polygon(item.points, item.style), item),
    rectangle: (item) => bind(L.rectangle(item.points, item.style), item),
    image: (item) => L.imageOverlay(item.url, item.bounds, { opacity: item.opacity, className: 'sealed-image' }),
    features,
    cluster,
    group: (item) => L.featureGroup(item.items.filter((one) => one.k !== 'scale').map(draw)),
  };
  const draw = (item) => DRAW[item.k](item);

  const scalesOf = (item) => (item.k === 'scale' ? [item] : item.k === 'group' ? item.items.flatMap(scalesOf) : []);

  const scale = (item) => {
    const list = el('ul', {});
    item.colors.forEach((color, k) => {
      const key = geocn.svg('svg', { viewBox: '0 0 18 12', width: 18, height: 12, class: 'key', 'aria-hidden': 'true' }, geocn.svg('rect', { width: 18, height: 12, fill: color, stroke: '#777' }));
      const text = item.stepped ? `${geocn.number(item.index[k])} – ${geocn.number(item.index[k + 1])}` : geocn.number(item.index[k]);
      list.append(el('li', {}, key, el('span', { text, attrs: { dir: 'ltr' } })));
    });
    return el('div', { cls: 'legend' }, item.caption ? el('p', { cls: 'measure', text: item.caption, attrs: { dir: 'auto' } }) : null, list);
  };

  const show = (layer, wanted) => {
    layer.shown = wanted;
    if (!layer.drawn) return;
    if (wanted) layer.drawn.addTo(geocn.map); else layer.drawn.remove();
  };

  const entry = (layer, layers) => {
    const box = el('input', { attrs: { type: layer.base ? 'radio' : 'checkbox', name: 'base' } });
    box.checked = layer.shown;
    box.addEventListener('change', () => {
      if (layer.base) layers.filter((one) => one.base).forEach((one) => show(one, one === layer));
      else show(layer, box.checked);
    });
    const name = layer.name || T('layer');
    const head = el('label', {}, box, el('span', { cls: 'layer-name', text: name, attrs: { dir: 'auto' } }));
    return el('div', { cls: 'layer' }, head, ...scalesOf(layer.item).map(scale));
  };

  const limits = (notes) => list([...geocn.config.limits, ...Object.keys(notes).map((key) => T(key)), T('limit.borders')]);

  // The sheet names every layer that has one, with its colours.
  const sheet = (layers) => layers.filter((layer) => layer.shown && (layer.name || scalesOf(layer.item).length)).map((layer) => [layer.name || T('layer'), ...scalesOf(layer.item).map(scale)]);

  const panel = (layers, notes) => {
    const { config } = geocn;
    const listed = layers.filter((layer) => layer.listed), loose = layers.filter((layer) => !layer.listed);
    const body = el('div', { id: 'tab-body', attrs: { tabindex: 0, role: 'region', 'aria-label': T('panel') } },
      listed.length ? el('h2', { text: T('tab.layers') }) : null, ...listed.map((layer) => entry(layer, layers)),
      ...loose.flatMap((layer) => scalesOf(layer.item).map(scale)),
      el('h2', { text: T('sources') }), config.sources.length ? list(config.sources) : el('p', { text: T('sources.none') }),
      el('h2', { text: T('limits') }), limits(notes),
      el('h2', { text: T('basemap') }), el('p', { text: T('basemap.about') }));
    const tools = el('div', { cls: 'tools' }, language());
    geocn.parts.print.panel(tools);
    geocn.$('panel').replaceChildren(fold(), titleBlock(), tools, body);
    geocn.$('panel').setAttribute('aria-label', T('panel'));
    geocn.$('stage').setAttribute('aria-label', T('map.label'));
  };

  const start = async () => {
    await geocn.unlocked;
    geocn.config = geocn.json('geocn-config');
    await geocn.readCatalogues();
    geocn.state.language = geocn.config.language;
    const [world, detail, data] = await Promise.all(['geocn-world', 'geocn-detail', 'geocn-sealed'].map(geocn.block));
    geocn.blocks = { world, detail, data };
    const { layers, view, notes } = data.header;
    geocn.parts.mapview.start();
    geocn.parts.labels.start();
    if (view.center) geocn.map.setView(view.center, Math.min(view.zoom, geocn.map.getMaxZoom()), { animate: false });
    for (const layer of layers) {
      layer.drawn = layer.item.k === 'scale' ? null : draw(layer.item);
      show(layer, layer.shown);
    }
    geocn.sealed = layers;
    geocn.parts.print.start({ limits: () => limits(notes), legend: () => sheet(layers) });
    const build = () => { geocn.map.closePopup(); geocn.parts.mapview.controls(); panel(layers, notes); };
    geocn.on('language', build);
    build();
    if (geocn.followPointer) geocn.followPointer();
    geocn.map.invalidateSize({ animate: false });
    document.documentElement.dataset.ready = 'true';
  };

  start().catch(geocn.fail);
})();
