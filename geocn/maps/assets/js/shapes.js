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
    for (const layer of geocn.layers) {
      layer.paths.forEach((path, row) => {
        if (!path) return;
        const wanted = layer.visible && layer.shown[row];
        if (wanted && !path._map) path.addTo(geocn.map);
        if (!wanted && path._map) path.remove();
      });
    }
    for (const layer of geocn.layers) {
      const front = (wanted) => layer.paths.forEach((path, row) => path && path._map && layer.isStrong(row) === wanted && path.bringToFront());
      front(false);
      if (layer.style.strong) front(true);
    }
    emphasise();
  };

  const restyle = () => {
    for (const layer of geocn.layers) {
      if (layer.matrix) layer.paths.forEach((path, row) => path && path.setStyle(layer.pathOf(row)));
    }
  };

  let emphasised = null;
  const emphasise = () => {
    if (emphasised) emphasised.setStyle(emphasised.geocn.layer.pathOf(emphasised.geocn.row));
    const chosen = geocn.state.chosen;
    emphasised = chosen ? chosen.layer.paths[chosen.row] : null;
    if (emphasised && emphasised._map) {
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
    geocn.layers.forEach(build);
    refresh();
    geocn.on('visible', refresh);
    geocn.on('period', () => { restyle(); refresh(); });
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
