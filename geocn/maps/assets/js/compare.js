'use strict';
// Two maps side by side with one view: other periods, other layers, or the sites as they are
// beside the sites as they are switched.
(() => {
  const { el, T } = geocn;
  const FAR_ZOOM = 5.5, DENSE = 20000;
  const NARROW = window.matchMedia('(max-width: 720px)');
  let second = null, moving = false;

  // A twin of a layer shares its data; what is shown of it is its own.
  const twinOf = (layer) => Object.assign(Object.create(layer), { shown: new Uint8Array(layer.n).fill(1), visible: layer.visible, source: layer });

  // Web Mercator in layer points of the second map, without an object for each vertex.
  const projector = () => {
    const { map } = second, scale = 256 * 2 ** map.getZoom(), { x, y } = map.getPixelOrigin();
    return (lon, lat) => {
      const angle = (Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI) / 180;
      return [((lon + 180) / 360) * scale - x, ((1 - Math.asinh(Math.tan(angle)) / Math.PI) / 2) * scale - y];
    };
  };

  const trace = (context, layer, row, project) => {
    const g = layer.geometry;
    context.beginPath();
    for (const part of geocn.geo.partsOf(g, row)) {
      if (g.kind[part] === 0) continue;
      for (let i = g.start[part]; i < g.start[part + 1]; i++) {
        const [x, y] = project(g.lon[i], g.lat[i]);
        if (i === g.start[part]) context.moveTo(x, y); else context.lineTo(x, y);
      }
      if (g.kind[part] > 1) context.closePath();
    }
  };

  const paintPath = (context, look) => {
    if (look.fill) {
      context.globalAlpha = look.fillOpacity;
      context.fillStyle = look.fillColor;
      context.fill('evenodd');
    }
    if (look.stroke === false) return;
    context.globalAlpha = look.opacity;
    context.strokeStyle = look.color;
    context.lineWidth = look.weight;
    context.setLineDash(look.dashArray ? look.dashArray.split(' ').map(Number) : []);
    context.stroke();
    context.setLineDash([]);
  };

  const each = (layer, run) => {
    for (const strong of layer.style.strong ? [false, true] : [null]) {
      for (let row = 0; row < layer.n; row++) {
        if (layer.shown[row] && layer.geometry.first[row] >= 0 && (strong === null || layer.isStrong(row) === strong)) run(row);
      }
    }
  };

  const spotOf = (layer, row, project) => {
    const g = layer.geometry, at = g.start[g.first[row]];
    return project(g.lon[at], g.lat[at]);
  };

  // Where the precise points lie, in Web Mercator from 0 to 1; the first map may know already.
  const placesOf = (layer) => {
    if (layer.places) return layer.places;
    const g = layer.geometry, rows = [], x = [], y = [];
    for (let part = 0; part < g.kind.length; part++) {
      if (g.kind[part] !== 0 || layer.imprecise(g.row[part]) !== null) continue;
      const angle = (Math.max(-85.0511, Math.min(85.0511, g.lat[g.start[part]])) * Math.PI) / 180;
      rows.push(g.row[part]);
      x.push((g.lon[g.start[part]] + 180) / 360);
      y.push((1 - Math.asinh(Math.tan(angle)) / Math.PI) / 2);
    }
    layer.places = { n: rows.length, rows, x, y };
    return layer.places;
  };

  // Of many points at one pixel of the screen the last is drawn.
  const paintPoints = (context, { min, max }, layer) => {
    const p = placesOf(layer), { map } = second, scale = 256 * 2 ** map.getZoom(), origin = map.getPixelOrigin();
    const width = Math.ceil(max.x - min.x) + 1, top = new Map(), far = layer.badged && map.getZoom() < FAR_ZOOM;
    for (let k = 0; k < p.n; k++) {
      if (!layer.shown[p.rows[k]]) continue;
      const x = p.x[k] * scale - origin.x, y = p.y[k] * scale - origin.y;
      if (x >= min.x && x <= max.x && y >= min.y && y <= max.y) top.set(p.n > DENSE ? Math.round(y - min.y) * width + Math.round(x - min.x) : k, [p.rows[k], x, y]);
    }
    for (const [row, x, y] of top.values()) {
      const symbol = layer.symbolOf(row);
      if (far) symbol.radius = 7;
      (layer.badged ? geocn.symbol.badge : geocn.symbol.paint)(context, x, y, symbol);
    }
  };

  // Places known only roughly: one ring for each spot, with the number of its records.
  const paintPiles = (context, bounds, layer, project) => {
    for (const pile of layer.piles ?? []) {
      const [x, y] = project(pile.at[1], pile.at[0]), n = pile.rows.reduce((sum, row) => sum + layer.shown[row], 0);
      if (!n || !bounds.contains([x, y])) continue;
      geocn.symbol.paint(context, x, y, { color: '#444', radius: Math.min(17, 6 + 1.2 * Math.sqrt(n)), hollow: true });
      context.font = '600 11px system-ui, "DejaVu Sans", sans-serif';
      context.textAlign = 'center';
      context.textBaseline = 'middle';
      context.fillStyle = '#222';
      context.fillText(geocn.number(n), x, y);
    }
  };

  const paint = (context, bounds) => {
    const project = projector();
    for (const shapes of [true, false]) {
      for (const layer of second.layers) {
        if (!layer.visible || !(shapes ? layer.hasShapes : layer.hasPoints)) continue;
        context.globalAlpha = layer.opacity;
        if (shapes) {
          each(layer, (row) => {
            if (geocn.geo.isPoint(layer.geometry, row)) return;
            trace(context, layer, row, project);
            paintPath(context, layer.pathOf(row));
          });
        } else {
          paintPiles(context, bounds, layer, project);
          paintPoints(context, bounds, layer);
        }
        context.globalAlpha = 1;
      }
    }
  };

  // What lies under a click: points first, then the topmost shape.
  const pick = (spot) => {
    const context = document.createElement('canvas').getContext('2d'), project = projector();
    let hit = null;
    context.lineWidth = 9;
    for (const layer of second.layers) {
      if (!layer.visible) continue;
      each(layer, (row) => {
        if (geocn.geo.isPoint(layer.geometry, row)) {
          if (spot.distanceTo(spotOf(layer, row, project)) < layer.symbolOf(row).radius + 4) hit = { layer, row, point: true };
          return;
        }
        if (hit && hit.point) return;
        trace(context, layer, row, project);
        if (layer.pathOf(row).fill ? context.isPointInPath(spot.x, spot.y, 'evenodd') : context.isPointInStroke(spot.x, spot.y)) hit = { layer, row };
      });
    }
    return hit;
  };

  // While one map is dragged the other slides along; at the end of a move both are drawn.
  const follow = (from, to) => {
    const slide = () => {
      if (moving || from.getZoom() !== to.getZoom()) return;
      const middle = to.containerPointToLayerPoint(to.getSize().divideBy(2));
      to._rawPanBy(to.latLngToLayerPoint(from.getCenter()).subtract(middle));
    };
    const settle = () => {
      if (moving) return;
      moving = true;
      to.setView(from.getCenter(), from.getZoom(), { animate: false });
      moving = false;
    };
    from.on('move', slide);
    from.on('moveend', settle);
    return () => { from.off('move', slide); from.off('moveend', settle); };
  };

  const periodText = (step) => (step < 0 ? T('period.all') : geocn.span(geocn.periods[step]));

  const choosePeriod = (step) => {
    second.period = step;
    second.layers.forEach((layer) => { layer.period = step; layer.setPeriod(step < 0 ? null : geocn.periods[step]); });
    second.overlay.redraw();
    if (geocn.$('compare-right')) geocn.$('compare-right').textContent = T('compare.right', { period: periodText(step) });
  };

  const periodChoice = () => {
    if (!geocn.periods.length) return null;
    const select = el('select', { id: 'compare-period', attrs: { 'aria-label': T('compare.period') } });
    for (let step = -1; step < geocn.periods.length; step++) {
      const option = el('option', { text: periodText(step), attrs: { value: step } });
      option.selected = step === second.period;
      select.append(option);
    }
    select.addEventListener('change', () => choosePeriod(Number(select.value)));
    return select;
  };

  const layerChoice = () => {
    const list = el('div', { cls: 'compare-layers' });
    for (const layer of [...second.layers].reverse()) {
      const box = el('input', { attrs: { type: 'checkbox' } });
      box.checked = layer.visible;
      box.addEventListener('change', () => { layer.visible = box.checked; second.overlay.redraw(); });
      list.append(el('label', {}, box, el('span', { text: layer.title() })));
    }
    return el('details', {}, el('summary', { text: T('tab.layers'), attrs: { title: T('compare.layers') } }), list);
  };

  // The demand that the sites of a scenario leave out of reach, as dots over either map, small
  // enough to stay apart.
  const paintGaps = (side) => (context, bounds) => {
    if (!side.told) return;
    const { n, lon, lat, weights, once, placed } = side.told, spots = [];
    for (let i = 0; i < n; i++) {
      if ((once[i >> 5] >>> (i & 31)) & 1 || !(weights[i] > 0)) continue;
      const spot = side.map.latLngToLayerPoint([lat[i], lon[i]]);
      if (bounds.contains(spot)) spots.push(spot);
    }
    const box = L.bounds(spots), size = spots.length > 1 ? box.getSize() : { x: 1e3, y: 1e3 };
    const radius = Math.max(0.7, Math.min(4, 0.18 * Math.sqrt((size.x * size.y) / Math.max(1, spots.length))));
    context.fillStyle = '#7a0177';
    context.beginPath();
    for (const { x, y } of spots) {
      context.moveTo(x + radius, y);
      context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fill();
    if (side.map !== geocn.map) placed.forEach((site) => { const { x, y } = side.map.latLngToLayerPoint(site.at_place); geocn.symbol.paint(context, x, y, { color: '#7a0177', radius: 7 }); });
  };

  const SCENARIOS = ['none', 'is', 'switched'];
  const tellSites = (side) => {
    side.told = side.scenario === 'none' ? null : geocn.whatif.scenario(side.scenario);
    side.overlay.redraw();
    const said = geocn.$(`compare-reached-${side.name}`);
    if (!said) return;
    said.textContent = side.told ? T('compare.reached', { share: side.told.share }) : '';
  };

  const scenarioChoice = (side) => {
    if (!geocn.whatif) return null;
    const select = el('select', { id: `compare-sites-${side.name}`, attrs: { 'aria-label': T('compare.sites') } });
    for (const name of SCENARIOS) {
      const option = el('option', { text: T(`compare.sites.${name}`), attrs: { value: name } });
      option.selected = name === side.scenario;
      select.append(option);
    }
    select.addEventListener('change', () => { side.scenario = select.value; tellSites(side); });
    return select;
  };

  const sideOf = (name, map, scenario) => {
    const side = { name, map, scenario, told: null };
    side.overlay = new geocn.Overlay(paintGaps(side), { pane: 'points', padding: 0.1 }).addTo(map);
    return side;
  };

  const showLeft = () => {
    if (second) geocn.$('compare-left').textContent = T('compare.left', { period: periodText(geocn.state.period) });
  };

  const titles = () => {
    document.querySelectorAll('.compare-title').forEach((old) => old.remove());
    if (!second) return;
    const [one, other] = second.sides, named = (id, side) => el('div', { cls: 'compare-name' }, el('h2', { id }), el('p', { id: `compare-reached-${side.name}` }));
    const left = el('div', { cls: 'compare-title first' }, named('compare-left', one), scenarioChoice(one));
    const close = el('button', { id: 'compare-close', text: '✕', attrs: { type: 'button', 'aria-label': T('close'), title: T('close') }, on: { click: toggle } });
    const right = el('div', { cls: 'compare-title second' }, named('compare-right', other), el('div', { cls: 'row' }, scenarioChoice(other), periodChoice(), layerChoice(), close));
    geocn.$('stage').prepend(left);
    geocn.$('stage').insertBefore(right, geocn.$('map-second'));
    second.map.getContainer().setAttribute('aria-label', T('compare.map'));
    showLeft();
    choosePeriod(second.period);
    second.sides.forEach(tellSites);
  };

  // A month beside all months says little: the last two periods stand side by side at first.
  const firstPeriods = () => {
    const last = geocn.periods.length - 1;
    if (last < 1) return last;
    if (geocn.state.period < 0) geocn.choosePeriod(last - 1);
    return geocn.state.period === last ? last - 1 : geocn.state.period + 1;
  };

  const begin = () => {
    const view = geocn.map.getBounds(), period = firstPeriods();
    geocn.$('stage').classList.add('compared', ...(geocn.whatif ? ['with-sites'] : []));
    geocn.$('stage').append(el('div', { id: 'map-second', attrs: { tabindex: 0, role: 'region' } }));
    geocn.map.invalidateSize({ animate: false });
    geocn.map.fitBounds(view, { animate: false });
    const map = geocn.parts.mapview.twin('map-second');
    second = { map, period, layers: geocn.layers.map(twinOf) };
    second.overlay = new geocn.Overlay(paint, { pane: 'shapes', padding: 0.1 }).addTo(map);
    const asked = Boolean(geocn.whatif && geocn.whatif.changed());
    second.sides = [sideOf('first', geocn.map, asked ? 'is' : 'none'), sideOf('second', map, asked ? 'switched' : 'none')];
    geocn.parts.labels.show(map);
    map.on('click', (event) => {
      const hit = pick(event.layerPoint);
      if (hit) L.popup({ maxWidth: 300, minWidth: 160, maxHeight: 260 }).setLatLng(event.latlng).setContent(geocn.card(hit.layer, [hit.row])).openOn(map);
    });
    geocn.parts.coordinates.follow(map);
    second.release = follow(geocn.map, map);
    follow(map, geocn.map);
  };

  const end = () => {
    second.release();
    second.sides[0].overlay.remove();
    second.map.remove();
    second = null;
    geocn.$('map-second').remove();
    geocn.$('stage').classList.remove('compared', 'with-sites');
    geocn.map.invalidateSize({ animate: false });
  };

  const show = () => {
    geocn.$('compare').setAttribute('aria-pressed', String(Boolean(second)));
    titles();
  };

  const toggle = () => {
    if (second) end(); else begin();
    show();
    geocn.$(second ? 'compare-period' : 'compare')?.focus();
  };

  const start = () => {
    const close = () => { if (second) toggle(); };
    NARROW.addEventListener('change', close);
    window.addEventListener('beforeprint', close);
    geocn.on('period', showLeft);
    geocn.on('whatif', () => second && second.sides.forEach(tellSites));
    geocn.on('opacity', () => second && second.overlay.redraw());
  };

  geocn.parts.compare = { start, show, toggle, map: () => second && second.map };
})();
