'use strict';
// The Leaflet map, its bundled basemap, scale, north arrow and coordinates.
(() => {
  const LINES = {
    division: { color: '#b5aea0', weight: 0.7, dashArray: '2 3' },
    coast: { color: '#8fa3ad', weight: 0.8 },
    border: { color: '#6f6a62', weight: 1.3 },
    disputed: { color: '#6f6a62', weight: 1.1, dashArray: '5 4' },
  };
  const SEA = '#dbe7ec', LAND = '#f7f5f0', FAR_LAND = '#f7f5f0';

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

  const start = () => {
    const { config } = geocn;
    const map = L.map('map', {
      zoomControl: false, attributionControl: false, minZoom: 1, maxZoom: 14, zoomSnap: 0.25, zoomDelta: 1,
      wheelPxPerZoomLevel: 90, maxBounds: [[-88, -200], [88, 200]], maxBoundsViscosity: 0.6, boxZoom: true,
    });
    geocn.map = map;
    map.createPane('basemap').style.zIndex = 150;
    map.createPane('labels').style.zIndex = 430;
    map.createPane('shapes').style.zIndex = 400;
    map.createPane('points').style.zIndex = 450;
    map.createPane('notes').style.zIndex = 460;
    for (const name of ['basemap', 'labels', 'points']) map.getPane(name).style.pointerEvents = 'none';
    map.basemapRenderer = L.canvas({ pane: 'basemap', padding: 0.4 });
    map.shapeRenderer = L.canvas({ pane: 'shapes', padding: 0.3, tolerance: 4 });
    const box = config.bounds;
    geocn.home = box ? L.latLngBounds([box[1], box[0]], [box[3], box[2]]) : L.latLngBounds([-55, -170], [72, 175]);
    geocn.fitHome = () => map.fitBounds(geocn.home, { animate: false, padding: [24, 24], maxZoom: 9 });
    geocn.fitHome();
    draw(map, geocn.blocks.world, FAR_LAND, 0);
    if (geocn.blocks.detail.header.box) draw(map, geocn.blocks.detail, LAND, 5);
    return map;
  };

  const controls = () => {
    const { map, el, T } = geocn;
    if (map.geocnControls) map.geocnControls.forEach((control) => control.remove());
    const corner = geocn.rtl() ? 'left' : 'right', other = geocn.rtl() ? 'right' : 'left';
    const zoom = L.control.zoom({ position: `top${corner}`, zoomInTitle: T('zoom.in'), zoomOutTitle: T('zoom.out') });
    const scale = L.control.scale({ position: `bottom${other}`, metric: true, imperial: false, maxWidth: 160 });
    const home = L.control({ position: `top${corner}` });
    home.onAdd = () => {
      const button = el('button', { cls: 'map-button', text: '⤢', attrs: { type: 'button', title: T('zoom.home'), 'aria-label': T('zoom.home') } });
      L.DomEvent.disableClickPropagation(button);
      button.addEventListener('click', geocn.fitHome);
      return button;
    };
    const north = L.control({ position: `top${other}` });
    north.onAdd = () => el('div', { cls: 'north', attrs: { role: 'img', 'aria-label': T('north') } },
      geocn.svg('svg', { viewBox: '0 0 24 34', width: 24, height: 34, 'aria-hidden': 'true' },
        geocn.svg('path', { d: 'M12 1 L20 22 L12 17.5 Z', fill: '#222' }),
        geocn.svg('path', { d: 'M12 1 L4 22 L12 17.5 Z', fill: '#fff', stroke: '#222', 'stroke-width': 1 })),
      el('span', { text: T('north.letter') }));
    const credit = L.control({ position: `bottom${corner}` });
    credit.onAdd = () => el('div', { cls: 'credit' },
      el('span', { id: 'coordinates', attrs: { dir: 'ltr' } }), el('span', { text: T('basemap.credit') }));
    map.geocnControls = [north, zoom, home, scale, credit];
    map.geocnControls.forEach((control) => control.addTo(map));
    geocn.$('map').setAttribute('aria-label', T('map.label'));
  };

  const degrees = (value, positive, negative) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;

  geocn.parts.mapview = { start, controls };
  geocn.followPointer = () => geocn.map.on('mousemove', (event) => {
    const spot = geocn.$('coordinates');
    if (spot) spot.textContent = `${degrees(event.latlng.lat, 'N', 'S')}, ${degrees(event.latlng.lng, 'E', 'W')}`;
  });
})();
