'use strict';
// Lines and areas, and what happens on a click.
(() => {
  const { geo } = geocn;

  const build = (layer) => {
    layer.paths = [];
    if (!layer.hasShapes) return;
    layer.paths = new Array(layer.n).fill(null);
    for (let row = 0; row < layer.n; row++) {
      if (geo.isPoint(layer.geometry, row) || layer.geometry.first[row] < 0) continue;
      const areas = geo.polygons(layer.geometry, row);
      const options = { renderer: geocn.map.shapeRenderer, smoothFactor: 1, ...layer.pathOf(row) };
      const path = areas.length ? L.polygon(areas, options) : L.polyline(geo.lines(layer.geometry, row), options);
      path.geocn = { layer, row };
      layer.paths[row] = path;
    }
  };

  // One canvas holds every shape, so the order is kept by bringing layers forward in turn.
  const refresh = () => {
    let changed = false;
    for (const layer of geocn.layers) {
      layer.paths.forEach((path, row) => {
        if (!path) return;
        const wanted = Boolean(layer.visible && (layer.shown[row] || layer.matrix));
        if (wanted === Boolean(path._map)) return;
        changed = true;
        if (wanted) path.addTo(geocn.map); else path.remove();
      });
    }
    for (const layer of changed ? geocn.layers : []) {
      const front = (wanted) => layer.paths.forEach((path, row) => path && path._map && layer.isStrong(row) === wanted && path.bringToFront());
      front(false);
      if (layer.style.strong) front(true);
    }
    emphasise();
  };

  const HIDDEN = { fill: false, stroke: false, interactive: false };
  const lookOf = (layer, row) => (layer.matrix && !layer.shown[row] ? HIDDEN : layer.pathOf(row));
  const MANY = 1000, REST_MS = 250;
  let resting = null;

  // Areas whose values change with the period keep their paths and take another look, all at
  // once; where they are many, their edges wait until the slider rests.
  const restyle = (edges) => {
    const { shapeRenderer } = geocn.map;
    let many = false;
    for (const layer of geocn.layers) {
      if (!layer.matrix || !layer.visible) continue;
      const looks = new Map(), bare = !edges && layer.n > MANY;
      many = many || bare;
      layer.paths.forEach((path, row) => {
        if (!path) return;
        const key = layer.shown[row] ? layer.classOf(row) : null;
        if (!looks.has(key)) looks.set(key, { interactive: true, stroke: true, ...lookOf(layer, row), ...(bare ? { stroke: false } : {}) });
        Object.assign(path.options, looks.get(key));
      });
    }
    // Without a shape on the map there is no canvas yet.
    if (!shapeRenderer._ctx) return;
    shapeRenderer._redrawBounds = null;
    shapeRenderer._redrawRequest = shapeRenderer._redrawRequest || L.Util.requestAnimFrame(shapeRenderer._redraw, shapeRenderer);
    clearTimeout(resting);
    if (many) resting = setTimeout(() => { restyle(true); emphasise(); }, REST_MS);
  };

  // Leaflet traces every path anew in each drawing; here a path is traced once a view.
  const keepTraces = (renderer) => {
    renderer._updatePoly = function paint(path, closed) {
      const parts = path._parts, context = this._ctx, { options } = path;
      if (!this._drawing || !parts.length) return;
      if (path._tracedParts !== parts) {
        path._tracedParts = parts;
        path._trace = new Path2D();
        for (const part of parts) {
          part.forEach((point, k) => (k ? path._trace.lineTo(point.x, point.y) : path._trace.moveTo(point.x, point.y)));
          if (closed) path._trace.closePath();
        }
      }
      if (options.fill) {
        context.globalAlpha = options.fillOpacity;
        context.fillStyle = options.fillColor || options.color;
        context.fill(path._trace, options.fillRule || 'evenodd');
      }
      edge(context, path, options);
      if (options.sign) sign(context, path, options);
    };
  };
  const edge = (context, path, options) => {
    if (!options.stroke || !options.weight) return;
    context.setLineDash(options._dashArray || []);
    context.globalAlpha = options.opacity;
    context.lineWidth = options.weight;
    context.strokeStyle = options.color;
    context.lineCap = options.lineCap;
    context.lineJoin = options.lineJoin;
    context.stroke(path._trace);
  };

  const ROOM = 12, LARGEST = 7;
  const sign = (context, path, options) => {
    const { min, max } = path._pxBounds, part = path._parts[0];
    const size = options.fill ? Math.min(max.x - min.x, max.y - min.y) : Math.max(max.x - min.x, max.y - min.y);
    if (size < ROOM) return;
    const a = part[Math.floor((part.length - 1) / 2)], b = part[Math.floor(part.length / 2)];
    const [x, y] = options.fill ? [(min.x + max.x) / 2, (min.y + max.y) / 2] : [(a.x + b.x) / 2, (a.y + b.y) / 2];
    geocn.symbol.sign(context, x, y, options.sign, Math.min(LARGEST, options.fill ? size * 0.2 : 4.5), options.opacity < 0.5);
  };

  let emphasised = null;
  const emphasise = () => {
    if (emphasised) emphasised.setStyle(lookOf(emphasised.geocn.layer, emphasised.geocn.row));
    const chosen = geocn.state.chosen;
    emphasised = chosen ? chosen.layer.paths[chosen.row] : null;
    if (emphasised && emphasised._map && chosen.layer.shown[chosen.row]) {
      const own = emphasised.options;
      emphasised.setStyle({ color: '#111', weight: own.fill ? 3 : own.weight + 2.5, opacity: 1 });
      emphasised.bringToFront();
    }
  };

  const popup = (layer, rows, at) => {
    geocn.state.chosen = { layer, row: rows[0] };
    geocn.emit('chosen');
    const narrow = geocn.map.getSize().x < 500;
    L.popup({ maxWidth: narrow ? 240 : 320, minWidth: 180, maxHeight: narrow ? 190 : 280, autoPanPadding: [12, 12] })
      .setLatLng(at).setContent(geocn.card(layer, rows)).openOn(geocn.map);
  };

  // From the table: go there and say what it is.
  const choose = (layer, row) => {
    const box = geo.bounds(layer.geometry, row);
    if (!box) return;
    if (!layer.visible) geocn.setVisible(layer, true);
    geocn.map.fitBounds(box.pad(1), { maxZoom: 8, animate: false });
    const point = geo.isPoint(layer.geometry, row);
    const path = layer.paths[row];
    const at = point ? box.getCenter() : path && path._map ? path.getCenter() : box.getCenter();
    popup(layer, [row], at);
  };

  const start = () => {
    keepTraces(geocn.map.shapeRenderer);
    geocn.layers.forEach(build);
    refresh();
    geocn.on('visible', () => { restyle(true); refresh(); });
    geocn.on('period', () => { restyle(false); refresh(); });
    geocn.on('opacity', () => restyle(true));
    geocn.on('chosen', emphasise);
    geocn.map.on('click', (event) => {
      if (geocn.state.drawing) return;
      const hit = geocn.parts.points.pick(event.containerPoint);
      const source = event.propagatedFrom || event.sourceTarget;
      if (hit) popup(hit.layer, hit.rows, event.latlng);
      else if (source && source.geocn) popup(source.geocn.layer, [source.geocn.row], event.latlng);
    });
    geocn.map.on('popupclose', () => {
      geocn.state.chosen = null;
      geocn.emit('chosen');
    });
    let waiting = false;
    geocn.map.on('mousemove', (event) => {
      if (waiting || geocn.state.drawing) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        geocn.map.getContainer().classList.toggle('over', Boolean(geocn.parts.points.pick(event.containerPoint)));
      });
    });
  };

  geocn.parts.shapes = { start };
  geocn.choose = choose;
})();
