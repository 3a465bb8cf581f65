'use strict';
// Finding a place: names of the basemap and of the layers, or coordinates as they are typed.
(() => {
  const { el, T } = geocn;
  const MOST = 8, MOST_NAMES = 50000, NAMES = ['name', 'place', 'admin', 'partner', 'segment_id', 'dyad', 'origin', 'destination'];
  const OTHER = { ø: 'o', ł: 'l', đ: 'd', ı: 'i', æ: 'ae', œ: 'oe', ß: 'ss', ى: 'ي', ة: 'ه', ـ: '' };
  let entries = null, found = [], active = -1, ring = null;

  // Case and accents do not matter, nor do the several ways to write some Arabic letters.
  const fold = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[øłđıæœßىةـ]/g, (c) => OTHER[c]).replace(/[\s'’`-]+/g, ' ').trim();

  const entry = (name, kind, order, go, others = []) => ({ name, kind, order, go, keys: [...new Set([name, ...others].map(fold))] });

  const collect = () => {
    const list = geocn.placeNames.filter((place) => place.name).map((place) => {
      const name = place.country ? geocn.country(place.iso, place.name) : place.name;
      const within = place.country ? null : geocn.country(place.iso, null);
      return entry(name, T(place.country ? 'search.country' : 'search.division') + (within ? ` · ${within}` : ''), place.country ? 0 : 2, () => goPlace(place), [place.name]);
    });
    for (const layer of geocn.layers) {
      for (const column of layer.columns) {
        if (column.kind !== 'text' || !NAMES.includes(column.name)) continue;
        column.levels.slice(0, MOST_NAMES).forEach((level, code) => {
          const name = String(level).slice(0, 200);
          if (name.trim()) list.push(entry(name, layer.title(), 1, () => goRows(layer, column, code)));
        });
      }
    }
    return list;
  };

  const mark = (at) => {
    if (ring) ring.remove();
    ring = at && L.circleMarker(at, { pane: 'notes', radius: 13, color: '#14213d', weight: 3, fill: false, interactive: false }).addTo(geocn.map);
  };

  const goPlace = ({ at, width }) => {
    // The label stands inside the area, not always in its middle.
    const half = Math.max(0.3, width * 0.8);
    geocn.map.fitBounds([[Math.max(-85, at.lat - half), at.lng - half], [Math.min(85, at.lat + half), at.lng + half]], { animate: false });
    mark(at);
  };

  const goSpot = (at) => {
    geocn.map.setView(at, Math.max(9, geocn.map.getZoom()), { animate: false });
    mark(at);
    geocn.parts.coordinates.pin(at);
  };

  // One row is opened; of several the map shows the whole.
  const goRows = (layer, column, code) => {
    const rows = [], { codes } = column;
    for (let row = 0; row < layer.n; row++) if (codes[row] === code && layer.geometry.first[row] >= 0) rows.push(row);
    if (!rows.length) { geocn.say(T('search.nowhere')); return; }
    mark(null);
    if (rows.length === 1) { geocn.choose(layer, rows[0]); return; }
    if (!layer.visible) geocn.setVisible(layer, true);
    const box = rows.reduce((sum, row) => sum.extend(geocn.geo.bounds(layer.geometry, row)), L.latLngBounds([]));
    geocn.map.fitBounds(box.pad(0.2), { maxZoom: 10, animate: false });
  };

  const score = (keys, wanted) => Math.min(...keys.map((key) => (key === wanted ? 0 : key.startsWith(wanted) ? 1 : key.includes(` ${wanted}`) ? 2 : key.includes(wanted) ? 3 : 9)));

  const look = (text) => {
    const spot = geocn.parts.coordinates.parse(text), wanted = fold(text);
    if (spot) {
      const at = L.latLng(spot.lat, spot.lon);
      return [entry(geocn.parts.coordinates.format(at), T('search.spot'), 0, () => goSpot(at))];
    }
    if (!wanted) return [];
    if (!entries) entries = collect();
    return entries.map((one) => [score(one.keys, wanted), one]).filter(([points]) => points < 9)
      .sort(([p, a], [q, b]) => p - q || a.order - b.order || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
      .slice(0, MOST).map(([, one]) => one);
  };

  const control = () => {
    const input = el('input', { id: 'search', attrs: { type: 'search', role: 'combobox', autocomplete: 'off', spellcheck: 'false', maxlength: 80, placeholder: T('search'), 'aria-label': T('search'), 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': 'search-list' } });
    const list = el('ul', { id: 'search-list', attrs: { role: 'listbox', 'aria-label': T('search.results') } });
    const none = el('p', { cls: 'search-none', text: T('search.none') });
    list.hidden = none.hidden = true;

    const paint = () => {
      list.replaceChildren(...found.map((one, k) => el('li', { id: `search-${k}`, attrs: { role: 'option', 'aria-selected': String(k === active) } }, el('bdi', { text: one.name }), el('small', { text: one.kind, attrs: { dir: 'auto' } }))));
      list.hidden = !found.length;
      input.setAttribute('aria-expanded', String(Boolean(found.length)));
      if (active >= 0) input.setAttribute('aria-activedescendant', `search-${active}`); else input.removeAttribute('aria-activedescendant');
    };
    const show = (next, at = -1) => { found = next; active = at; none.hidden = true; paint(); };
    const choose = (one) => {
      input.value = one.name;
      show([]);
      geocn.emit('look');
      one.go();
    };
    const refresh = () => {
      // Figures run from the left in every language.
      input.dir = /^[\s\d+\-−]/.test(input.value) ? 'ltr' : '';
      show(look(input.value));
      none.hidden = Boolean(found.length) || !input.value.trim();
      geocn.say(input.value.trim() ? T('search.count', { n: found.length }) : '');
    };
    input.addEventListener('input', refresh);
    input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        if (!found.length) refresh();
        else show(found, (Math.max(active, step < 0 ? 0 : -1) + step + found.length) % found.length);
      } else if (event.key === 'Enter' && found.length) choose(found[Math.max(0, active)]);
      else if (event.key === 'Escape') {
        if (found.length || !none.hidden) event.preventDefault(); else { input.value = ''; mark(null); }
        show([]);
      }
    });
    // The list is pressed before the field loses its focus and closes it.
    list.addEventListener('mousedown', (event) => {
      event.preventDefault();
      const option = event.target.closest('li');
      if (option) choose(found[Number(option.id.slice(7))]);
    });
    input.addEventListener('blur', () => show([]));
    const box = el('div', { cls: 'search', attrs: { role: 'search' } }, input, list, none);
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
    return box;
  };

  geocn.on('language', () => { entries = null; });
  window.addEventListener('beforeprint', () => mark(null));
  geocn.parts.search = { control, look };
})();
