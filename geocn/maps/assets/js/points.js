'use strict';
// Point layers on one canvas: symbols, rings for places known only roughly, and picking.
(() => {
  const FAR_ZOOM = 5.5, GATHER = 34;

  // Rows of imprecise places stand on one spot an area: they are drawn as one ring with a number.
  const pilesOf = (layer) => {
    const spots = new Map();
    for (let row = 0; row < layer.n; row++) {
      if (!geocn.geo.isPoint(layer.geometry, row) || layer.imprecise(row) === null) continue;
      const at = layer.geometry.start[layer.geometry.first[row]];
      const key = `${layer.geometry.lon[at]} ${layer.geometry.lat[at]}`;
      if (!spots.has(key)) spots.set(key, { at: [layer.geometry.lat[at], layer.geometry.lon[at]], rows: [] });
      spots.get(key).rows.push(row);
    }
    return [...spots.values()];
  };

  const project = (lat, lon, scale, origin) => {
    const clamped = Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI / 180;
    return [
      ((lon + 180) / 360) * scale - origin.x,
      ((1 - Math.log(Math.tan(clamped) + 1 / Math.cos(clamped)) / Math.PI) / 2) * scale - origin.y,
    ];
  };

  const drawn = [];
  const far = () => geocn.map.getZoom() < FAR_ZOOM;

  // Rings that would lie on each other become one ring; nearer in they part again.
  const ringsOf = (layer, scale, origin) => {
    const rings = layer.piles.map((pile) => {
      const [x, y] = project(...pile.at, scale, origin);
      return { x, y, rows: pile.rows.filter((row) => layer.shown[row]) };
    }).filter((ring) => ring.rows.length).sort((a, b) => b.rows.length - a.rows.length);
    const kept = [], cells = new Map();
    for (const ring of rings) {
      const column = Math.floor(ring.x / GATHER), line = Math.floor(ring.y / GATHER);
      let host = null;
      for (let i = -1; i <= 1 && !host; i++) {
        for (let j = -1; j <= 1 && !host; j++) {
          host = (cells.get(`${column + i} ${line + j}`) || []).find((h) => (h.x - ring.x) ** 2 + (h.y - ring.y) ** 2 < GATHER ** 2);
        }
      }
      if (host) { host.rows.push(ring.rows); continue; }
      const own = { x: ring.x, y: ring.y, rows: [ring.rows] };
      const key = `${column} ${line}`;
      cells.set(key, [...(cells.get(key) || []), own]);
      kept.push(own);
    }
    return kept.map((ring) => ({ ...ring, rows: ring.rows.flat() }));
  };

  const paintPrecise = (context, bounds, layer, scale, origin) => {
    const g = layer.geometry;
    for (let part = 0; part < g.kind.length; part++) {
      const row = g.row[part];
      if (g.kind[part] !== 0 || !layer.shown[row] || layer.imprecise(row) !== null) continue;
      const [x, y] = project(g.lat[g.start[part]], g.lon[g.start[part]], scale, origin);
      if (x < bounds.min.x || x > bounds.max.x || y < bounds.min.y || y > bounds.max.y) continue;
      const symbol = layer.symbolOf(row);
      if (layer.badged && far()) symbol.radius = 7;
      (layer.badged ? geocn.symbol.badge : geocn.symbol.paint)(context, x, y, symbol);
      drawn.push({ layer, rows: [row], x, y, radius: symbol.radius });
    }
  };

  const paintPiles = (context, bounds, layer, scale, origin) => {
    for (const { x, y, rows } of ringsOf(layer, scale, origin)) {
      if (!bounds.contains([x, y])) continue;
      const radius = Math.min(far() ? 15 : 17, 6 + 1.2 * Math.sqrt(rows.length));
      const classes = new Set(rows.map((row) => layer.classOf(row)));
      const color = classes.size === 1 ? layer.colorOf([...classes][0]) : '#444';
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fillStyle = 'rgba(255,255,255,.55)';
      context.fill();
      context.setLineDash([5, 3]);
      geocn.symbol.paint(context, x, y, { color, radius, hollow: true });
      context.setLineDash([]);
      if (rows.length > 1) {
        context.font = '600 11px system-ui, "DejaVu Sans", sans-serif';
        context.textAlign = 'center';
        context.textBaseline = 'middle';
        context.strokeStyle = 'rgba(255,255,255,.9)';
        context.lineWidth = 3;
        context.strokeText(geocn.number(rows.length), x, y);
        context.fillStyle = '#222';
        context.fillText(geocn.number(rows.length), x, y);
      }
      drawn.push({ layer, rows, x, y, radius });
    }
  };

  const paint = (context, bounds) => {
    drawn.length = 0;
    const { map } = geocn;
    const scale = 256 * 2 ** map.getZoom(), origin = map.getPixelOrigin();
    for (const layer of geocn.layers) {
      if (!layer.visible || !layer.hasPoints) continue;
      context.globalAlpha = layer.opacity;
      paintPiles(context, bounds, layer, scale, origin);
      paintPrecise(context, bounds, layer, scale, origin);
      context.globalAlpha = 1;
    }
    paintChosen(context, scale, origin);
  };

  const paintChosen = (context, scale, origin) => {
    const chosen = geocn.state.chosen;
    if (!chosen || !geocn.geo.isPoint(chosen.layer.geometry, chosen.row)) return;
    const g = chosen.layer.geometry, at = g.start[g.first[chosen.row]];
    const [x, y] = project(g.lat[at], g.lon[at], scale, origin);
    context.beginPath();
    context.arc(x, y, 15, 0, 7);
    context.lineWidth = 3;
    context.strokeStyle = '#111';
    context.stroke();
    context.lineWidth = 1.2;
    context.strokeStyle = '#ffd400';
    context.stroke();
  };

  // The topmost symbol under a point of the map's container.
  const pick = (containerPoint) => {
    const spot = geocn.map.containerPointToLayerPoint(containerPoint);
    for (let i = drawn.length - 1; i >= 0; i--) {
      const d = drawn[i], reach = d.radius + 4;
      if ((d.x - spot.x) ** 2 + (d.y - spot.y) ** 2 <= reach * reach) return d;
    }
    return null;
  };

  const start = () => {
    geocn.layers.forEach((layer) => { layer.piles = layer.hasPoints ? pilesOf(layer) : []; });
    const overlay = new geocn.Overlay(paint, { pane: 'points', padding: 0.15 }).addTo(geocn.map);
    geocn.on('period', () => overlay.redraw());
    geocn.on('visible', () => overlay.redraw());
    geocn.on('opacity', () => overlay.redraw());
    geocn.on('language', () => overlay.redraw());
    geocn.on('chosen', () => overlay.redraw());
  };

  geocn.parts.points = { start, pick };
})();
