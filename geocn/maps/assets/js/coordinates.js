'use strict';
// Coordinates: decimal degrees, degrees-minutes-seconds and MGRS, shown, copied and read.
(() => {
  const { el, T } = geocn;
  const A = 6378137, F = 1 / 298.257223563, E2 = F * (2 - F), E = Math.sqrt(E2), N = F / (2 - F);
  const UTM_SCALE = 0.9996, UPS_SCALE = 0.994, DEGREE = Math.PI / 180;
  const RADIUS = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
  // Krüger's series, as Karney (2011, doi:10.1007/s00190-011-0445-3) gives them to n⁴.
  const ALPHA = [N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4, (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4, (61 / 240) * N ** 3 - (103 / 140) * N ** 4, (49561 / 161280) * N ** 4];
  const BETA = [N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3 - (1 / 360) * N ** 4, N ** 2 / 48 + N ** 3 / 15 - (437 / 1440) * N ** 4, (17 / 480) * N ** 3 - (37 / 840) * N ** 4, (4397 / 161280) * N ** 4];
  const BANDS = 'CDEFGHJKLMNPQRSTUVWX', ROWS = 'ABCDEFGHJKLMNPQRSTUV', COLUMNS = ['ABCDEFGH', 'JKLMNPQR', 'STUVWXYZ'];
  const POLAR_ROWS = 'ABCDEFGHJKLMNPQRSTUVWXYZ', WEST = 'JKLPQRSTUXYZ', EAST = 'ABCFGHJKLPQR';

  // The tangent of the conformal latitude, and back by Newton's method.
  const conformal = (tau) => {
    const sigma = Math.sinh(E * Math.atanh((E * tau) / Math.hypot(1, tau)));
    return tau * Math.hypot(1, sigma) - sigma * Math.hypot(1, tau);
  };
  const geographic = (wanted) => {
    let tau = wanted / (1 - E2);
    for (let k = 0; k < 6; k++) {
      const now = conformal(tau);
      tau += ((wanted - now) / Math.hypot(1, now)) * ((1 + (1 - E2) * tau ** 2) / ((1 - E2) * Math.hypot(1, tau)));
    }
    return Math.atan(tau) / DEGREE;
  };

  const series = (terms, xi, eta, sign) => terms.reduce(([x, y], term, k) => {
    const j = 2 * (k + 1);
    return [x + sign * term * Math.sin(j * xi) * Math.cosh(j * eta), y + sign * term * Math.cos(j * xi) * Math.sinh(j * eta)];
  }, [xi, eta]);

  const toUtm = (lat, lon, zone) => {
    const tau = conformal(Math.tan(lat * DEGREE)), away = (lon - (6 * zone - 183)) * DEGREE;
    const [xi, eta] = series(ALPHA, Math.atan2(tau, Math.cos(away)), Math.asinh(Math.sin(away) / Math.hypot(tau, Math.cos(away))), 1);
    return [500000 + UTM_SCALE * RADIUS * eta, UTM_SCALE * RADIUS * xi + (lat < 0 ? 1e7 : 0)];
  };
  const fromUtm = (east, north, zone, south) => {
    const [xi, eta] = series(BETA, (north - (south ? 1e7 : 0)) / (UTM_SCALE * RADIUS), (east - 500000) / (UTM_SCALE * RADIUS), -1);
    return [geographic(Math.sin(xi) / Math.hypot(Math.sinh(eta), Math.cos(xi))), Math.atan2(Math.sinh(eta), Math.cos(xi)) / DEGREE + 6 * zone - 183];
  };

  const POLE = (2 * A * UPS_SCALE) / Math.sqrt((1 + E) ** (1 + E) * (1 - E) ** (1 - E));
  const toUps = (lat, lon) => {
    const tau = conformal(Math.tan(Math.abs(lat) * DEGREE)), rho = POLE / (tau + Math.hypot(1, tau));
    return [2e6 + rho * Math.sin(lon * DEGREE), 2e6 - Math.sign(lat) * rho * Math.cos(lon * DEGREE)];
  };
  const fromUps = (east, north, south) => {
    const x = east - 2e6, y = south ? north - 2e6 : 2e6 - north, t = Math.hypot(x, y) / POLE;
    const lat = t < 1e-12 ? 90 : geographic((1 / t - t) / 2);
    return [south ? -lat : lat, t < 1e-12 ? 0 : Math.atan2(x, y) / DEGREE];
  };

  // Zones are six degrees wide, but for the south-west of Norway and for Svalbard.
  const zoneOf = (lat, lon) => {
    if (lat >= 56 && lat < 64 && lon >= 3 && lon < 12) return 32;
    if (lat >= 72 && lon >= 0 && lon < 42) return lon < 9 ? 31 : lon < 21 ? 33 : lon < 33 ? 35 : 37;
    return Math.floor((lon + 180) / 6) + 1;
  };
  const bandOf = (lat) => Math.min(19, Math.floor((lat + 80) / 8));

  const digits = (value) => String(Math.floor(value % 1e5)).padStart(5, '0');

  const toMgrs = (lat, lon0) => {
    const lon = ((((lon0 + 180) % 360) + 360) % 360) - 180;
    if (lat < -80 || lat > 84) {
      const [east, north] = toUps(lat, lon).map((v) => Math.floor(v + 1e-6)), far = east >= 2e6;
      const area = lat < 0 ? 'AB'[+far] : 'YZ'[+far];
      const column = far ? EAST[Math.floor((east - 2e6) / 1e5)] : WEST[Math.floor((east - 8e5) / 1e5)];
      return `${area}${column}${POLAR_ROWS[Math.floor((north - (lat < 0 ? 8e5 : 13e5)) / 1e5)]} ${digits(east)} ${digits(north)}`;
    }
    const zone = zoneOf(lat, lon), [east, north] = toUtm(lat, lon, zone).map((v) => Math.floor(v + 1e-6));
    const row = (Math.floor(north / 1e5) + (zone % 2 ? 0 : 5)) % 20;
    return `${String(zone).padStart(2, '0')}${BANDS[bandOf(lat)]} ${COLUMNS[(zone - 1) % 3][Math.floor(east / 1e5) - 1]}${ROWS[row]} ${digits(east)} ${digits(north)}`;
  };

  // The middle of the square that a reference names, and the length of its side.
  const fromMgrs = (text) => {
    const found = /^(?:(\d{1,2})([C-HJ-NP-X])|([ABYZ]))([A-HJ-NP-Z])([A-HJ-NP-Z])(\d{0,10})$/.exec(text.toUpperCase().replace(/\s/g, ''));
    if (!found || found[6].length % 2) return null;
    const half = found[6].length / 2, size = 10 ** (5 - half);
    const inner = [found[6].slice(0, half), found[6].slice(half)].map((part) => Number(part || 0) * size + size / 2);
    const spot = found[3] ? polar(found, inner) : zoned(found, inner);
    return spot && { lat: spot[0], lon: spot[1], size };
  };
  const polar = ([, , , area, column, row], [east, north]) => {
    const south = area < 'C', far = area === 'B' || area === 'Z', letters = far ? EAST : WEST;
    if (!letters.includes(column)) return null;
    const spot = fromUps((far ? 2e6 : 8e5) + letters.indexOf(column) * 1e5 + east, (south ? 8e5 : 13e5) + POLAR_ROWS.indexOf(row) * 1e5 + north, south);
    return Math.abs(spot[0]) > 79 ? spot : null;
  };
  const zoned = ([, number, band, , column, row], [east, north]) => {
    const zone = Number(number), k = BANDS.indexOf(band), letters = COLUMNS[(zone - 1) % 3];
    if (zone < 1 || zone > 60 || !letters.includes(column) || !ROWS.includes(row)) return null;
    const bottom = k * 8 - 80, least = toUtm(bottom, 6 * zone - 183, zone)[1] - (bottom < 0 ? 15e4 : 0) - 1e5;
    let y = ((ROWS.indexOf(row) - (zone % 2 ? 0 : 5) + 20) % 20) * 1e5 + north;
    while (y < least) y += 2e6;
    const spot = fromUtm((letters.indexOf(column) + 1) * 1e5 + east, y, zone, bottom < 0);
    return spot[0] > bottom - 1 && spot[0] < (k === 19 ? 85 : bottom + 9) && Math.abs(spot[1] - (6 * zone - 183)) < 15 ? spot : null;
  };

  const hemisphere = (lat, lon) => [lat < 0 ? 'S' : 'N', lon < 0 ? 'W' : 'E'];
  const toDms = (lat, lon) => [lat, lon].map((value, k) => {
    const tenths = Math.round(Math.abs(value) * 36000), two = (n) => String(n).padStart(2, '0');
    return `${Math.floor(tenths / 36000)}°${two(Math.floor(tenths / 600) % 60)}′${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}″${hemisphere(lat, lon)[k]}`;
  }).join(' ');
  const toDecimal = (lat, lon) => `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
  const FORMATS = { decimal: toDecimal, dms: toDms, mgrs: toMgrs };

  // Degrees, with or without minutes and seconds, latitude first unless letters say otherwise.
  const fromDegrees = (text) => {
    let plain = text.toUpperCase().replace(/−/g, '-');
    if (!plain.includes('.') && (plain.match(/\d,\d/g) || []).length === 2) plain = plain.replace(/(\d),(\d)/g, '$1.$2');
    const numbers = plain.match(/[-+]?\d+(\.\d+)?/g) || [], letters = plain.match(/[NSEWOL]/g) || [];
    if (/[^-+\d.NSEWOL°º'"′″’”,;:\s]/.test(plain) || ![2, 4, 6].includes(numbers.length) || ![0, 2].includes(letters.length)) return null;
    const values = [0, 1].map((k) => {
      const [whole, minutes = 0, seconds = 0] = numbers.slice((k * numbers.length) / 2, ((k + 1) * numbers.length) / 2);
      if (!(minutes >= 0 && minutes < 60 && seconds >= 0 && seconds < 60)) return NaN;
      const size = Math.abs(whole) + minutes / 60 + seconds / 3600;
      return whole.startsWith('-') || 'SWO'.includes(letters[k] || '?') ? -size : size;
    });
    const swapped = letters.length && !'NS'.includes(letters[0]);
    if (letters.length && 'NS'.includes(letters[0]) === 'NS'.includes(letters[1])) return null;
    const [lat, lon] = swapped ? values.reverse() : values;
    return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : null;
  };

  const parse = (text) => {
    const latin = text.trim().replace(/[\u2066-\u2069\u200e\u200f]/g, '').replace(/[٠-٩]/g, (d) => d.charCodeAt(0) - 0x660).replace(/٫/g, '.').replace(/،/g, ',');
    return fromDegrees(latin) || fromMgrs(latin);
  };

  const chosen = () => (FORMATS[geocn.recall('format')] ? geocn.recall('format') : 'decimal');
  const format = (at) => {
    const { lat, lng } = at.wrap();
    return FORMATS[chosen()](lat, lng);
  };

  let pinned = null, pointer = null;
  const current = () => pointer || pinned || geocn.map.getCenter();
  const show = () => {
    const spot = geocn.$('coordinates');
    if (spot) spot.textContent = format(current());
  };
  const pin = (at) => { pinned = at; pointer = null; show(); };

  const copy = async () => {
    const text = format(current());
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = el('textarea', { attrs: { readonly: '' } });
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand('copy');
      field.remove();
      geocn.$('coordinates-copy').focus();
    }
    geocn.say(T('coordinates.copied', { text }));
  };

  const control = () => {
    const select = el('select', { id: 'coordinates-format', attrs: { 'aria-label': T('coordinates.format'), title: T('coordinates.format') } });
    for (const name of Object.keys(FORMATS)) {
      const option = el('option', { text: T(`coordinates.${name}`), attrs: { value: name } });
      option.selected = name === chosen();
      select.append(option);
    }
    select.addEventListener('change', () => { geocn.remember('format', select.value); show(); });
    const button = el('button', { id: 'coordinates-copy', attrs: { type: 'button', title: T('coordinates.copy'), 'aria-label': T('coordinates.copy') }, on: { click: copy } }, geocn.icon('M5 5V1.5H14.5V11H11M1.5 5H11V14.5H1.5Z'));
    const box = el('div', { cls: 'coordinates' }, el('output', { id: 'coordinates', attrs: { dir: 'ltr', 'aria-live': 'off' } }), select, button);
    // The way to the button must not change what it copies.
    box.addEventListener('mousemove', (event) => { event.stopPropagation(); if (pointer) { pointer = null; show(); } });
    L.DomEvent.disableClickPropagation(box);
    return box;
  };

  const follow = (map) => {
    map.on('mousemove', (event) => { pointer = event.latlng; show(); });
    map.on('click', (event) => { pinned = event.latlng; show(); });
    map.on('mouseout', () => { pointer = null; show(); });
  };

  const start = () => {
    follow(geocn.map);
    geocn.map.on('moveend', show);
    show();
  };

  geocn.parts.coordinates = { start, follow, control, show, pin, parse, format, toMgrs, fromMgrs, toDms, toDecimal };
})();
