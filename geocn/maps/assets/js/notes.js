'use strict';
// Notes: points, lines and areas the reader draws, with a text each; they go out as GeoJSON.
(() => {
  const { el, T } = geocn;
  const STYLE = { color: '#b3006b', weight: 3, fillColor: '#b3006b', fillOpacity: 0.12, dashArray: '6 4' };
  const LEAST = { point: 1, line: 2, area: 3 };
  const notes = [];
  let drawing = null;

  const distance = (vertices) => vertices.slice(1).reduce((sum, v, k) => sum + geocn.map.distance(vertices[k], v), 0);

  const shape = (kind, vertices, options) => {
    const look = { ...STYLE, pane: 'notes', ...options };
    if (kind === 'point') return L.circleMarker(vertices[0], { ...look, radius: 7, fillOpacity: 0.7, dashArray: null });
    return kind === 'line' ? L.polyline(vertices, { ...look, fill: false }) : L.polygon(vertices, look);
  };

  const finish = () => {
    if (!drawing) return;
    const { kind, vertices, sketch } = drawing;
    sketch.clearLayers();
    sketch.remove();
    stopDrawing();
    if (vertices.length >= LEAST[kind]) {
      const note = { kind, vertices, text: '', shape: shape(kind, vertices).addTo(geocn.map) };
      note.shape.on('click', () => focus(note));
      notes.push(note);
      refresh();
      focus(note);
    }
  };

  const stopDrawing = () => {
    geocn.state.drawing = null;
    drawing = null;
    geocn.map.getContainer().classList.remove('drawing');
    geocn.map.doubleClickZoom.enable();
    refresh();
  };

  const cancel = () => {
    if (!drawing) return;
    drawing.sketch.remove();
    stopDrawing();
  };

  const begin = (kind) => {
    cancel();
    drawing = { kind, vertices: [], sketch: L.layerGroup().addTo(geocn.map) };
    geocn.state.drawing = kind;
    geocn.map.closePopup();
    geocn.map.doubleClickZoom.disable();
    geocn.map.getContainer().classList.add('drawing');
    refresh();
    geocn.emit('look');
  };

  const sketch = () => {
    const { kind, vertices } = drawing;
    drawing.sketch.clearLayers();
    if (vertices.length > 1) drawing.sketch.addLayer(shape(kind, vertices, { interactive: false }));
    vertices.forEach((v) => drawing.sketch.addLayer(L.circleMarker(v, { pane: 'notes', radius: 4, color: '#b3006b', fillColor: '#fff', fillOpacity: 1, weight: 2, interactive: false })));
    const text = geocn.$('notes-length');
    if (text) text.textContent = vertices.length > 1 ? geocn.distance(distance(vertices)) : '';
  };

  const focus = (note) => {
    geocn.showTab('notes');
    const field = document.querySelector(`#notes-list textarea[data-note="${notes.indexOf(note)}"]`);
    if (field) field.focus();
  };

  const geojson = () => {
    const position = (v) => [Number(v.lng.toFixed(6)), Number(v.lat.toFixed(6))];
    const geometry = ({ kind, vertices }) => {
      const line = vertices.map(position);
      if (kind === 'point') return { type: 'Point', coordinates: line[0] };
      return kind === 'line' ? { type: 'LineString', coordinates: line } : { type: 'Polygon', coordinates: [[...line, line[0]]] };
    };
    const author = geocn.state.author ?? '';
    return {
      type: 'FeatureCollection',
      geocn: { map_id: geocn.config.map_id, title: geocn.config.title, marking: geocn.config.marking, cutoff: geocn.config.cutoff, author },
      features: notes.map((note) => ({ type: 'Feature', properties: { note: note.text, author, marking: geocn.config.marking, map_id: geocn.config.map_id }, geometry: geometry(note) })),
    };
  };

  const save = () => {
    geocn.state.saved = true;
    geocn.download(`geocn-${geocn.config.map_id}-notes.geojson`, 'application/geo+json', `${JSON.stringify(geojson(), null, 1)}\n`);
  };

  const remove = (note) => {
    note.shape.remove();
    notes.splice(notes.indexOf(note), 1);
    refresh();
  };

  const entry = (note, k) => {
    const text = el('textarea', { attrs: { rows: 2, maxlength: 2000, 'data-note': k, 'aria-label': T('notes.text', { n: String(k + 1) }), placeholder: T('notes.placeholder') } });
    text.value = note.text;
    text.addEventListener('input', () => { note.text = text.value; geocn.state.saved = false; });
    const size = note.kind === 'point' ? '' : ` · ${geocn.distance(distance(note.kind === 'area' ? [...note.vertices, note.vertices[0]] : note.vertices))}`;
    const go = el('button', { text: T(`notes.${note.kind}`) + size, cls: 'link', attrs: { type: 'button' } });
    go.addEventListener('click', () => geocn.map.fitBounds(L.latLngBounds(note.vertices).pad(0.5), { maxZoom: 9 }));
    const away = el('button', { text: '✕', attrs: { type: 'button', 'aria-label': T('notes.delete'), title: T('notes.delete') }, on: { click: () => remove(note) } });
    return el('li', {}, el('div', { cls: 'row' }, go, away), text);
  };

  const refresh = () => {
    const box = geocn.$('notes');
    if (!box) return;
    const tools = el('div', { cls: 'row' });
    for (const kind of ['point', 'line', 'area']) {
      const button = el('button', { text: T(`notes.${kind}`), attrs: { type: 'button', 'aria-pressed': String(drawing?.kind === kind), 'data-draw': kind } });
      button.addEventListener('click', () => (drawing?.kind === kind ? cancel() : begin(kind)));
      tools.append(button);
    }
    const parts = [el('p', { cls: 'hint', text: T('notes.hint') }), tools];
    if (drawing) {
      const done = el('button', { id: 'notes-done', text: T('notes.done'), attrs: { type: 'button' }, on: { click: finish } });
      const undo = el('button', { text: T('notes.undo'), attrs: { type: 'button' }, on: { click: () => { drawing.vertices.pop(); sketch(); } } });
      const stop = el('button', { text: T('notes.cancel'), attrs: { type: 'button' }, on: { click: cancel } });
      parts.push(el('p', { cls: 'hint', text: T(`notes.how.${drawing.kind === 'point' ? 'point' : 'path'}`) }), el('div', { cls: 'row' }, ...(drawing.kind === 'point' ? [stop] : [done, undo, stop]), el('output', { id: 'notes-length' })));
    }
    const author = el('input', { id: 'notes-author', attrs: { type: 'text', maxlength: 120, autocomplete: 'off' } });
    author.value = geocn.state.author ?? '';
    author.addEventListener('input', () => { geocn.state.author = author.value; });
    const out = el('button', { id: 'notes-save', text: T('notes.save'), cls: 'primary', attrs: { type: 'button' }, on: { click: save } });
    out.disabled = !notes.length;
    parts.push(el('ol', { id: 'notes-list' }, ...notes.map(entry)), el('label', { cls: 'field' }, el('span', { text: T('notes.author') }), author), out, el('p', { cls: 'hint', text: T('notes.kept') }));
    box.replaceChildren(...parts);
  };

  const panel = (parent) => {
    parent.append(el('div', { id: 'notes' }));
    refresh();
  };

  const start = () => {
    geocn.map.on('click', (event) => {
      if (!drawing) return;
      // A second click on the same spot ends a line or an area, with a mouse or a finger.
      const last = drawing.vertices[drawing.vertices.length - 1];
      if (last && geocn.map.latLngToContainerPoint(last).distanceTo(event.containerPoint) < 9) {
        if (drawing.vertices.length >= LEAST[drawing.kind]) finish();
        return;
      }
      drawing.vertices.push(event.latlng);
      if (drawing.kind === 'point') finish(); else sketch();
    });
    document.addEventListener('keydown', (event) => {
      if (!drawing) return;
      if (event.key === 'Escape') cancel();
      if (event.key === 'Enter' && event.target.tagName !== 'BUTTON') finish();
    });
    window.addEventListener('beforeunload', (event) => { if (notes.length && !geocn.state.saved) event.preventDefault(); });
  };

  geocn.parts.notes = { start, panel, geojson };
})();
