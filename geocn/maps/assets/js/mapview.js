'use strict';
// The Leaflet map, its bundled basemap, and the corners around it.
(() => {
  const LINES = {
    division: { color: '#b5aea0', weight: 0.7, dashArray: '2 3' },
    border: { color: '#6f6a62', weight: 1.3 },
    disputed: { color: '#6f6a62', weight: 1.1, dashArray: '5 4' },
  };
  const COAST = { color: '#8fa3ad', weight: 0.8 }, WORLD = [-180, -90, 180, 90];
  const SEA = '#dbe7ec', LAND = '#f7f5f0', FAR_LAND = '#f7f5f0';

  // The rings of the land are coasts, but for the edges along which it was cut off.
  const coasts = (g, [west, south, east, north]) => {
    const paths = [], along = (a, b, side) => a === side && b === side;
    for (let part = 0; part < g.kind.length; part++) {
      let path = null;
      for (let i = g.start[part] + 1; i < g.start[part + 1]; i++) {
        const x = g.lon[i - 1], y = g.lat[i - 1], u = g.lon[i], v = g.lat[i];
        if (along(x, u, west) || along(x, u, east) || along(y, v, south) || along(y, v, north)) { path = null; continue; }
        if (!path) paths.push(path = [[y, x]]);
        path.push([v, u]);
      }
    }
    return paths;
  };

  const draw = (map, block, land, minZoom) => {
    const renderer = map.basemapRenderer;
    const common = { renderer, interactive: false, smoothFactor: 1.2 };
    const { header, read } = block;
    if (header.box) {
      const [west, south, east, north] = header.box;
      L.rectangle([[south, west], [north, east]], { ...common, stroke: false, fillColor: SEA, fillOpacity: 1 }).addTo(map);
    }
    if (header.land) {
      const g = geocn.geo.geometry(header.land, read, 1);
      const rings = [];
      for (let part = 0; part < g.kind.length; part++) {
        const ring = [];
        for (let i = g.start[part]; i < g.start[part + 1]; i++) ring.push([g.lat[i], g.lon[i]]);
        if (g.kind[part] === 2) rings.push([ring]); else if (rings.length) rings[rings.length - 1].push(ring);
      }
      L.polygon(rings, { ...common, stroke: false, fillColor: land, fillOpacity: 1 }).addTo(map);
      L.polyline(coasts(g, header.box || WORLD), { ...common, ...COAST, opacity: 1 }).addTo(map);
    }
    for (const [kind, packed] of Object.entries(header.lines || {})) {
      const g = geocn.geo.geometry(packed, read, 1);
      const paths = [];
      for (let part = 0; part < g.kind.length; part++) {
        const path = [];
        for (let i = g.start[part]; i < g.start[part + 1]; i++) path.push([g.lat[i], g.lon[i]]);
        paths.push(path);
      }
      const line = L.polyline(paths, { ...common, ...LINES[kind], opacity: 1 });
      if (kind !== 'division') { line.addTo(map); continue; }
      const show = () => (map.getZoom() >= minZoom ? line.addTo(map) : line.remove());
      map.on('zoomend', show);
      show();
    }
  };

  const SETTINGS = {
    zoomControl: false, attributionControl: false, minZoom: 1, maxZoom: 14, zoomSnap: 0.25, zoomDelta: 1,
    wheelPxPerZoomLevel: 90, maxBounds: [[-88, -200], [88, 200]], maxBoundsViscosity: 0.6, boxZoom: true,
  };

  // The panes of a map and the bundled basemap at the bottom of it.
  const furnish = (map) => {
    for (const [name, index] of Object.entries({ basemap: 150, shapes: 400, labels: 430, points: 450, notes: 460 })) {
      const pane = map.createPane(name);
      pane.style.zIndex = index;
      if (['basemap', 'labels', 'points'].includes(name)) pane.style.pointerEvents = 'none';
    }
    map.basemapRenderer = L.canvas({ pane: 'basemap', padding: 0.4 });
  };

  const drawBasemap = (map) => {
    draw(map, geocn.blocks.world, FAR_LAND, 0);
    if (geocn.blocks.detail.header.box) draw(map, geocn.blocks.detail, LAND, 5);
  };

  const start = () => {
    const { config } = geocn;
    const map = L.map('map', SETTINGS);
    geocn.map = map;
    furnish(map);
    map.shapeRenderer = L.canvas({ pane: 'shapes', padding: 0.3, tolerance: 4 });
    const box = config.bounds;
    geocn.home = box ? L.latLngBounds([box[1], box[0]], [box[3], box[2]]) : L.latLngBounds([-55, -170], [72, 175]);
    geocn.fitHome = () => map.fitBounds(geocn.home, { animate: false, padding: [24, 24], maxZoom: 9 });
    geocn.fitHome();
    drawBasemap(map);
    return map;
  };

  // A second map with the same basemap, for what stands beside the first.
  const twin = (id) => {
    const map = L.map(id, SETTINGS);
    furnish(map);
    map.setView(geocn.map.getCenter(), geocn.map.getZoom(), { animate: false });
    drawBasemap(map);
    return map;
  };

  // What the reader chose is kept while the tab is open: formats and opacities, never data.
  const memory = {};
  const keyOf = (key) => `geocn ${geocn.config.map_id} ${key}`;
  const remember = (key, value) => {
    memory[key] = String(value);
    try { sessionStorage.setItem(keyOf(key), value); } catch { /* no storage for files here */ }
  };
  const recall = (key) => {
    try { return memory[key] ?? sessionStorage.getItem(keyOf(key)); } catch { return memory[key] ?? null; }
  };

  // Says something to those who listen to the page.
  const say = (text) => {
    if (!geocn.$('said')) document.body.append(geocn.el('div', { id: 'said', cls: 'unseen', attrs: { role: 'status' } }));
    geocn.$('said').textContent = text;
  };

  const icon = (d) => geocn.svg('svg', { viewBox: '0 0 16 16', width: 18, height: 18, 'aria-hidden': 'true' },
    geocn.svg('path', { d, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5 }));

  const place = (position, node) => {
    const control = L.control({ position });
    control.onAdd = () => node;
    return control;
  };

  const mapButton = (name, path, run) => {
    const text = geocn.T(name);
    const button = geocn.el('button', { id: name.replace('.', '-'), cls: 'map-button', attrs: { type: 'button', title: text, 'aria-label': text }, on: { click: run } }, icon(path));
    L.DomEvent.disableClickPropagation(button);
    return button;
  };

  const controls = () => {
    const { map, el, T, parts } = geocn;
    if (map.geocnControls) map.geocnControls.forEach((control) => control.remove());
    const corner = geocn.rtl() ? 'left' : 'right', other = geocn.rtl() ? 'right' : 'left';
    const zoom = L.control.zoom({ position: `top${corner}`, zoomInTitle: T('zoom.in'), zoomOutTitle: T('zoom.out') });
    const scale = L.control.scale({ position: `bottom${other}`, metric: true, imperial: false, maxWidth: 160 });
    const home = mapButton('zoom.home', 'M2 6V2H6M10 2H14V6M14 10V14H10M6 14H2V10', geocn.fitHome);
    const north = el('div', { cls: 'north', attrs: { role: 'img', 'aria-label': T('north') } },
      geocn.svg('svg', { viewBox: '0 0 24 34', width: 24, height: 34, 'aria-hidden': 'true' },
        geocn.svg('path', { d: 'M12 1 L20 22 L12 17.5 Z', fill: '#222' }),
        geocn.svg('path', { d: 'M12 1 L4 22 L12 17.5 Z', fill: '#fff', stroke: '#222', 'stroke-width': 1 })),
      el('span', { text: T('north.letter') }));
    const ruler = mapButton('measure', 'M1.5 11L11 1.5L14.5 5L5 14.5ZM4 8.5L5.5 10M6.5 6L8 7.5M9 3.5L10.5 5', () => parts.measure.toggle());
    const twinned = mapButton('compare', 'M1.5 2.5H14.5V13.5H1.5ZM8 2.5V13.5', () => parts.compare.toggle());
    const credit = el('div', { cls: 'credit' }, parts.coordinates && parts.coordinates.control(), el('span', { text: T('basemap.credit') }));
    // A sealed map of somebody else has the frame without the tools.
    map.geocnControls = [
      parts.search && place(`top${other}`, parts.search.control()), place(`top${other}`, north), zoom, place(`top${corner}`, home),
      parts.measure && place(`top${corner}`, ruler), parts.compare && place(`top${corner}`, twinned),
      scale, place(`bottom${corner}`, credit), parts.inset && place(`bottom${corner}`, parts.inset.control()),
    ].filter(Boolean);
    map.geocnControls.forEach((control) => control.addTo(map));
    for (const [node, name] of [[zoom._zoomInButton, 'zoom.in'], [zoom._zoomOutButton, 'zoom.out']]) node.setAttribute('aria-label', T(name));
    geocn.$('map').setAttribute('aria-label', T('map.label'));
    ['coordinates', 'inset', 'measure', 'compare'].forEach((name) => parts[name] && parts[name].show());
  };

  geocn.parts.mapview = { start, controls, twin };
  Object.assign(geocn, { remember, recall, say, icon });
})();
