'use strict';
// Point layers on one canvas: symbols, rings for places known only roughly, and picking.
(() => {
  const FAR_ZOOM = 5.5, GATHER = 34;

  const DENSE = 20000, PIECE = 8192, BUDGET_MS = 40;

  // Rows of imprecise places stand on one spot an area: they are drawn as one ring with a number.
  const pilesOf = (layer) => {
    const spots = new Map(), { geometry } = layer;
    if (layer.kind !== 'seizures' || !layer.byName.location_precision_m) return [];
    for (let row = 0; row < layer.n; row++) {
      if (!geocn.geo.isPoint(geometry, row) || layer.imprecise(row) === null) continue;
      const at = geometry.start[geometry.first[row]];
      const key = Math.round(geometry.lon[at] * 1e5) * 4e7 + Math.round(geometry.lat[at] * 1e5);
      if (!spots.has(key)) spots.set(key, { at: [geometry.lat[at], geometry.lon[at]], rows: [] });
      spots.get(key).rows.push(row);
    }
    return [...spots.values()];
  };

  // Work on many points is done in pieces, so that the page answers meanwhile; what comes later
  // takes the place of what is under way. Before a print all is done at once.
  let current = 0;
  const piecewise = (work) => {
    const mine = ++current;
    const step = () => {
      if (mine !== current) return;
      const until = performance.now() + BUDGET_MS;
      do if (work.next().done) { geocn.state.pointsDrawn = true; return; } while (document.documentElement.classList.contains('printing') || performance.now() < until);
      setTimeout(step);
    };
    geocn.state.pointsDrawn = false;
    step();
  };

  // Where the precise points of a layer lie, in Web Mercator from 0 to 1.
  function* placesOf(layer) {
    if (layer.places) return layer.places;
    const g = layer.geometry, rows = new Uint32Array(g.kind.length), x = new Float64Array(rows.length), y = new Float64Array(rows.length);
    let n = 0;
    for (let part = 0; part < g.kind.length; part++) {
      if (part % PIECE === PIECE - 1) yield;
      if (g.kind[part] !== 0 || layer.imprecise(g.row[part]) !== null) continue;
      rows[n] = g.row[part];
      [x[n], y[n]] = project(g.lat[g.start[part]], g.lon[g.start[part]], 1, { x: 0, y: 0 });
      n++;
    }
    layer.looks = [];
    layer.lookAt = new Map();
    layer.look = new Uint16Array(layer.n);
    layer.places = { n, rows, x, y, seen: new Uint32Array(n), nSeen: 0, px: new Float32Array(n), py: new Float32Array(n) };
    return layer.places;
  }

  // The number of the symbol of a row, one above its place in `looks`; each kind of symbol is kept once.
  const lookOf = (layer, row) => {
    const key = layer.classOf(row) * 1000 + layer.radiusOf(row);
    if (!layer.lookAt.has(key)) {
      const symbol = layer.symbolOf(row);
      if (layer.badged && far()) symbol.radius = 7;
      layer.looks.push(symbol);
      layer.lookAt.set(key, layer.looks.length);
    }
    return layer.lookAt.get(key);
  };

  const pictureOf = (layer, symbol, scale) => {
    const half = Math.ceil(symbol.radius * 1.5) + 3, canvas = document.createElement('canvas');
    canvas.width = canvas.height = Math.round(2 * half * scale);
    const context = canvas.getContext('2d');
    context.setTransform(scale, 0, 0, scale, half * scale, half * scale);
    (layer.badged ? geocn.symbol.badge : geocn.symbol.paint)(context, 0, 0, symbol);
    return { canvas, half };
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

  // Which precise points are in view, the topmost first; and of those which are not hidden whole
  // by a symbol as large at the same pixel.
  function* inView(bounds, layer, scale, origin) {
    const p = yield* placesOf(layer), { min, max } = bounds, width = Math.ceil(max.x - min.x) + 1;
    const taken = p.n > DENSE && layer.opacity === 1 ? new Uint8Array(width * (Math.ceil(max.y - min.y) + 1)) : null;
    const open = new Uint32Array(p.n);
    let n = 0;
    p.nSeen = 0;
    for (let i = p.n - 1; i >= 0; i--) {
      if (i % PIECE === 0) yield;
      const row = p.rows[i], x = p.x[i] * scale - origin.x, y = p.y[i] * scale - origin.y;
      if (!layer.shown[row] || x < min.x || x > max.x || y < min.y || y > max.y) continue;
      if (!layer.look[row]) layer.look[row] = lookOf(layer, row);
      const at = p.nSeen++;
      p.seen[at] = i; p.px[at] = x; p.py[at] = y;
      if (taken) {
        const cell = Math.round(y - min.y) * width + Math.round(x - min.x), size = 10 * layer.looks[layer.look[row] - 1].radius;
        if (taken[cell] >= size) continue;
        taken[cell] = size;
      }
      open[n++] = at;
    }
    return open.subarray(0, n);
  }

  function* paintPrecise(context, bounds, layer, scale, origin) {
    const open = yield* inView(bounds, layer, scale, origin), p = layer.places;
    const dots = context.getTransform().a, pictures = layer.looks.map((symbol) => pictureOf(layer, symbol, dots));
    for (let k = open.length - 1; k >= 0; k--) {
      if (k % PIECE === 0) { yield; context.globalAlpha = layer.opacity; }
      const at = open[k], { canvas, half } = pictures[layer.look[p.rows[p.seen[at]]] - 1];
      const x = Math.round((p.px[at] - half) * dots) / dots, y = Math.round((p.py[at] - half) * dots) / dots;
      context.drawImage(canvas, x, y, canvas.width / dots, canvas.height / dots);
    }
    context.globalAlpha = 1;
  }

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

  function* layersOn(context, bounds) {
    const { map } = geocn;
    const scale = 256 * 2 ** map.getZoom(), origin = map.getPixelOrigin();
    for (const layer of geocn.layers) {
      if (layer.places) layer.places.nSeen = 0;
      if (!layer.visible || !layer.hasPoints) continue;
      if (layer.look && (layer.matrix || layer.badged)) {
        layer.look.fill(0);
        layer.looks = [];
        layer.lookAt.clear();
      }
      context.globalAlpha = layer.opacity;
      paintPiles(context, bounds, layer, scale, origin);
      context.globalAlpha = layer.opacity;
      yield* paintPrecise(context, bounds, layer, scale, origin);
    }
    paintChosen(context, scale, origin);
  }

  const paint = (context, bounds) => {
    drawn.length = 0;
    piecewise(layersOn(context, bounds));
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

  // The topmost precise point under a spot, and the other rows at the very same place.
  const pickPrecise = (layer, spot) => {
    const p = layer.places;
    if (!p || !layer.visible) return null;
    for (let at = 0; at < p.nSeen; at++) {
      const dx = p.px[at] - spot.x, dy = p.py[at] - spot.y;
      if (dx > 24 || dx < -24 || dy > 24 || dy < -24) continue;
      const i = p.seen[at], reach = layer.looks[layer.look[p.rows[i]] - 1].radius + 4;
      if (dx * dx + dy * dy > reach * reach) continue;
      const rows = [];
      for (let k = at; k < p.nSeen; k++) {
        const other = p.seen[k];
        if (p.x[other] === p.x[i] && p.y[other] === p.y[i]) rows.push(p.rows[other]);
      }
      return { layer, rows: [...new Set(rows)] };
    }
    return null;
  };

  // The topmost symbol under a point of the map's container.
  const pick = (containerPoint) => {
    const spot = geocn.map.containerPointToLayerPoint(containerPoint);
    for (const layer of [...geocn.layers].reverse()) {
      const found = pickPrecise(layer, spot)
        ?? drawn.findLast((d) => d.layer === layer && (d.x - spot.x) ** 2 + (d.y - spot.y) ** 2 <= (d.radius + 4) ** 2);
      if (found) return found;
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
