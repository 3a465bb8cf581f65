'use strict';
// Names of countries and divisions on the basemap: the largest first, none over another.
(() => {
  // A canvas that Leaflet moves and scales with the map; `draw` gets a context in layer points.
  geocn.Overlay = L.Renderer.extend({
    initialize(paint, options) {
      L.Renderer.prototype.initialize.call(this, options);
      this.paint = paint;
    },
    _initContainer() {
      this._container = document.createElement('canvas');
      this._context = this._container.getContext('2d');
    },
    _destroyContainer() {
      L.DomUtil.remove(this._container);
      delete this._container;
      delete this._context;
    },
    _update() {
      if (this._map._animatingZoom && this._bounds) return;
      L.Renderer.prototype._update.call(this);
      const bounds = this._bounds, size = bounds.getSize(), scale = Math.max(1, Math.min(3, window.devicePixelRatio || 1));
      L.DomUtil.setPosition(this._container, bounds.min);
      this._container.width = scale * size.x;
      this._container.height = scale * size.y;
      this._container.style.width = `${size.x}px`;
      this._container.style.height = `${size.y}px`;
      this._context.setTransform(scale, 0, 0, scale, -bounds.min.x * scale, -bounds.min.y * scale);
      this.paint(this._context, bounds);
    },
    _updatePaths() {},
    redraw() { if (this._map && this._container) this._update(); },
  });

  const start = () => {
    const { map } = geocn;
    const { header, read } = geocn.blocks.detail;
    const columns = Object.fromEntries(header.labels.map((c) => [c.name, geocn.geo.column(c, read)]));
    const places = [];
    const n = read(header.labels.find((c) => c.name === 'lon').a).length;
    for (let i = 0; i < n; i++) {
      places.push({
        country: columns.kind.at(i) === 'country', iso: columns.iso_a2.at(i), name: columns.name.at(i) ?? '',
        width: Math.sqrt(columns.size.at(i) ?? 0), at: L.latLng(columns.lat.at(i), columns.lon.at(i)),
      });
    }
    places.sort((a, b) => (b.country - a.country) || (b.width - a.width));
    geocn.placeNames = places;
    show(map);
  };

  const show = (map) => {
    const overlay = new geocn.Overlay((context, bounds) => paint(context, bounds, map), { pane: 'labels', padding: 0.1 }).addTo(map);
    geocn.on('language', () => overlay.redraw());
  };

  const paint = (context, bounds, map) => {
    const pixels = 256 * 2 ** map.getZoom() / 360;
    const taken = [];
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    for (const place of geocn.placeNames) {
      const room = place.width * pixels;
      if (room < (place.country ? 34 : 62)) continue;
      const spot = map.latLngToLayerPoint(place.at);
      if (!bounds.contains(spot)) continue;
      const size = place.country ? Math.min(17, 10.5 + room / 140) : 10.5;
      context.font = `${place.country ? 600 : 400} ${size}px system-ui, "Noto Sans", "DejaVu Sans", sans-serif`;
      let text = place.country ? geocn.country(place.iso, place.name) : place.name;
      if (place.country && !geocn.rtl()) text = text.toLocaleUpperCase(geocn.state.language);
      const half = context.measureText(text).width / 2 + 4;
      const box = [spot.x - half, spot.y - size * 0.75, spot.x + half, spot.y + size * 0.75];
      if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
      taken.push(box);
      context.lineWidth = 3;
      context.strokeStyle = 'rgba(255,255,255,.85)';
      context.strokeText(text, spot.x, spot.y);
      context.fillStyle = place.country ? '#4d5358' : '#6b655e';
      context.fillText(text, spot.x, spot.y);
    }
  };

  geocn.parts.labels = { start, show };
})();
