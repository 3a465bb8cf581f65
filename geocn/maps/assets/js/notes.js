'use strict';
// Notes: points, lines and areas the reader draws, with a text each; they go out as GeoJSON
// and come back from it, so that two planners can join theirs.
(() => {
  const { el, T } = geocn;
  const STYLE = { color: '#b3006b', weight: 3, fillColor: '#b3006b', fillOpacity: 0.12, dashArray: '6 4' };
  const LEAST = { point: 1, line: 2, area: 3 };
  const MOST_BYTES = 2e7, MOST_TEXT = 2000;
  const TLP = ['TLP:CLEAR', 'TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:RED'];
  const notes = [];
  let drawing = null, said = '';

  const newId = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const now = () => new Date().toISOString();
  const rank = (marking) => TLP.indexOf(String(marking ?? '').trim().toUpperCase());

  const distance = (vertices) => geocn.parts.measure.length(vertices);

  const shape = (kind, vertices, options) => {
    const look = { ...STYLE, pane: 'notes', ...options };
    if (kind === 'point') return L.circleMarker(vertices[0], { ...look, radius: 7, fillOpacity: 0.7, dashArray: null });
    return kind === 'line' ? L.polyline(vertices, { ...look, fill: false }) : L.polygon(vertices, look);
  };

  const put = (note) => {
    note.shape = shape(note.kind, note.vertices).addTo(geocn.map);
    note.shape.on('click', () => { if (!geocn.state.drawing) focus(note); });
    notes.push(note);
    return note;
  };

  const finish = () => {
    if (!drawing) return;
    const { kind, vertices, sketch } = drawing;
    sketch.clearLayers();
    sketch.remove();
    stopDrawing();
    if (vertices.length >= LEAST[kind]) {
      geocn.state.saved = false;
      const note = put({ id: newId(), kind, vertices, text: '', at: now(), marking: geocn.config.marking, map_id: geocn.config.map_id, own: true });
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

  const position = (v) => [Number(v.lng.toFixed(6)), Number(v.lat.toFixed(6))];
  const geometry = ({ kind, vertices }) => {
    const line = vertices.map(position);
    if (kind === 'point') return { type: 'Point', coordinates: line[0] };
    return kind === 'line' ? { type: 'LineString', coordinates: line } : { type: 'Polygon', coordinates: [[...line, line[0]]] };
  };

  const authorOf = (note) => (note.own ? geocn.state.author ?? '' : note.author);

  const geojson = () => {
    const { map_id, title, marking, cutoff } = geocn.config;
    const drawn = notes.map((note) => ({
      type: 'Feature',
      properties: { note_id: note.id, kind: note.site ? 'proposed_site' : note.kind, text: note.text, author: authorOf(note), said_at: note.at, marking: note.marking, map_id: note.map_id, ...(note.site ? { partner: note.partner, reach_km: note.reach_km } : {}) },
      geometry: geometry(note),
    }));
    const sites = geocn.whatif ? geocn.whatif.placed().map((site) => ({
      type: 'Feature',
      properties: { note_id: site.id, kind: 'proposed_site', text: site.name, author: authorOf(site), said_at: site.at, marking: site.marking, map_id: site.map_id, partner: site.partner, reach_km: site.reach_km },
      geometry: { type: 'Point', coordinates: position(site.at_place) },
    })) : [];
    return { type: 'FeatureCollection', geocn: { map_id, title, marking, cutoff, author: geocn.state.author ?? '' }, features: [...drawn, ...sites] };
  };

  const save = () => {
    geocn.state.saved = true;
    geocn.download(`geocn-${geocn.config.map_id}-notes.geojson`, 'application/geo+json', `${JSON.stringify(geojson(), null, 1)}\n`);
  };

  // What a file says, as notes; null where it is no file of notes.
  const read = (text) => {
    let content;
    try { content = JSON.parse(text); } catch { return null; }
    if (!content || !Array.isArray(content.features)) return null;
    const latLng = ([lng, lat]) => (Math.abs(lat) <= 90 && Math.abs(lng) <= 360 ? L.latLng(lat, lng) : null);
    const words = (value, most = 200) => (value === null || value === undefined ? '' : String(value).slice(0, most));
    const found = [];
    for (const feature of content.features) {
      const told = feature?.properties ?? {}, { type, coordinates } = feature?.geometry ?? {};
      const kind = { Point: 'point', LineString: 'line', Polygon: 'area' }[type];
      let vertices;
      try { vertices = (kind === 'point' ? [coordinates] : kind === 'line' ? coordinates : coordinates[0].slice(0, -1)).map(latLng); } catch { continue; }
      if (!kind || vertices.length < LEAST[kind] || vertices.includes(null)) continue;
      const at = Number.isNaN(Date.parse(told.said_at)) ? '' : new Date(told.said_at).toISOString();
      const note = { id: words(told.note_id) || newId(), kind, vertices, text: words(told.text, MOST_TEXT), author: words(told.author), at, marking: words(told.marking) || geocn.config.marking, map_id: words(told.map_id) };
      const reach = Number(told.reach_km);
      if (told.kind === 'proposed_site' && kind === 'point' && reach > 0) Object.assign(note, { site: true, partner: words(told.partner), reach_km: reach });
      found.push(note);
    }
    return found;
  };

  // A note above the marking of the map stays out, and so does one that cannot be compared.
  const above = (note) => {
    const own = rank(geocn.config.marking), its = rank(note.marking);
    return note.marking !== geocn.config.marking && (own < 0 || its < 0 || its > own);
  };

  const merge = (found) => {
    const count = { added: 0, edited: 0, same: 0, refused: 0, elsewhere: 0 };
    for (const note of found) {
      if (above(note)) { count.refused++; continue; }
      if (note.map_id !== geocn.config.map_id) count.elsewhere++;
      if (note.site && geocn.whatif) { count[geocn.whatif.restore(note)]++; continue; }
      const old = notes.find((one) => one.id === note.id);
      if (old && old.at >= note.at) { count.same++; continue; }
      if (old) {
        old.shape.remove();
        notes.splice(notes.indexOf(old), 1);
        if (rank(old.marking) > rank(note.marking)) note.marking = old.marking;
      }
      count[old ? 'edited' : 'added']++;
      put(note);
    }
    return count;
  };

  const load = async (file) => {
    const found = file.size > MOST_BYTES ? null : read(await file.text());
    if (found === null) said = T('notes.unreadable');
    else {
      const count = merge(found);
      const parts = [T('notes.loaded', { added: count.added, edited: count.edited, same: count.same })];
      if (count.refused) parts.push(T('notes.refused', { n: count.refused }));
      if (count.elsewhere) parts.push(T('notes.elsewhere', { n: count.elsewhere }));
      said = parts.join(' ');
      if (count.added || count.edited) geocn.state.saved = false;
    }
    refresh();
  };

  const remove = (note) => {
    note.shape.remove();
    notes.splice(notes.indexOf(note), 1);
    refresh();
  };

  // Whoever edits a loaded note is its author from then on.
  const edit = (note, text) => {
    if (!note.own && geocn.state.author) note.own = true;
    Object.assign(note, { text, at: now() });
    geocn.state.saved = false;
  };

  const entry = (note, k) => {
    const text = el('textarea', { attrs: { rows: 2, maxlength: MOST_TEXT, dir: 'auto', 'data-note': k, 'aria-label': T('notes.text', { n: String(k + 1) }), placeholder: T('notes.placeholder') } });
    text.value = note.text;
    text.addEventListener('input', () => edit(note, text.value));
    const { measure } = geocn.parts;
    const size = { point: '', line: ` · ${geocn.distance(distance(note.vertices))}`, area: ` · ${geocn.unit(measure.area(note.vertices) / 1e6, 'km2')}` }[note.kind];
    const go = el('button', { text: T(`notes.${note.kind}`) + size, cls: 'link', attrs: { type: 'button' } });
    go.addEventListener('click', () => { geocn.map.fitBounds(L.latLngBounds(note.vertices).pad(0.5), { maxZoom: 9 }); geocn.emit('look'); });
    const away = el('button', { text: '✕', attrs: { type: 'button', 'aria-label': T('notes.delete'), title: T('notes.delete') }, on: { click: () => remove(note) } });
    const who = note.own ? [] : [note.author, note.at && geocn.day(Math.floor(Date.parse(note.at) / 86400000))].filter(Boolean);
    return el('li', {}, el('div', { cls: 'row' }, go, away), who.length ? el('p', { cls: 'measure', text: who.map(geocn.isolate).join(' · ') }) : null, text);
  };

  const loader = () => {
    const input = el('input', { id: 'notes-file', attrs: { type: 'file', accept: '.geojson,.json,application/geo+json', hidden: '' } });
    input.addEventListener('change', () => { if (input.files.length) load(input.files[0]); });
    const button = el('button', { id: 'notes-load', text: T('notes.load'), attrs: { type: 'button' }, on: { click: () => input.click() } });
    return [button, input];
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
    const author = el('input', { id: 'notes-author', attrs: { type: 'text', maxlength: 120, autocomplete: 'off', dir: 'auto' } });
    author.value = geocn.state.author ?? '';
    author.addEventListener('input', () => { geocn.state.author = author.value; });
    const out = el('button', { id: 'notes-save', text: T('notes.save'), cls: 'primary', attrs: { type: 'button' }, on: { click: save } });
    out.disabled = !notes.length && !geocn.whatif?.placed().length;
    parts.push(
      el('ol', { id: 'notes-list' }, ...notes.map(entry)),
      el('label', { cls: 'field' }, el('span', { text: T('notes.author') }), author),
      el('div', { cls: 'row' }, out, ...loader()),
      el('p', { id: 'notes-said', cls: 'hint', text: said, attrs: { role: 'status' } }),
      el('p', { cls: 'hint', text: T('notes.kept') }),
    );
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
    geocn.on('language', () => { said = ''; });
    // Whoever begins something else on the map is done with the note that was being drawn.
    geocn.on('look', () => {
      if (!drawing || geocn.state.drawing === drawing.kind) return;
      drawing.sketch.remove();
      drawing = null;
      refresh();
    });
    window.addEventListener('beforeunload', (event) => { if ((notes.length || geocn.whatif?.placed().length) && !geocn.state.saved) event.preventDefault(); });
  };

  geocn.parts.notes = { start, panel, geojson, save, newId, now };
})();
