'use strict';
// Words, numbers and dates in the language of the reader.
(() => {
  // Western digits in every language: figures are read aloud between partners.
  const locale = () => (geocn.state.language === 'ar' ? 'ar-u-nu-latn' : geocn.state.language);
  const DAY = 86400000;
  const NO_DAY = -2147483648;
  const cache = new Map();
  const cached = (kind, options, make) => {
    const key = locale() + kind + JSON.stringify(options);
    if (!cache.has(key)) cache.set(key, make());
    return cache.get(key);
  };
  const numberFormat = (options) => cached('n', options, () => new Intl.NumberFormat(locale(), options));
  const dateFormat = (options) => cached('d', options,
    () => new Intl.DateTimeFormat(locale(), { timeZone: 'UTC', ...options }));

  // Isolates a piece of data, so that its direction of writing does not disturb the sentence.
  const isolate = (text) => `\u2068${text}\u2069`;

  // The keys stand once for all languages.
  geocn.readCatalogues = async () => {
    const { keys, texts } = (await geocn.block('geocn-catalogues')).header;
    const words = (list) => Object.fromEntries(keys.map((key, k) => [key, list[k]]).filter(([, text]) => text !== null));
    geocn.catalogues = Object.fromEntries(Object.entries(texts).map(([code, list]) => [code, words(list)]));
  };

  const catalogue = () => geocn.catalogues[geocn.state.language] || geocn.catalogues.en;
  const lookup = (key) => catalogue()[key] ?? geocn.catalogues.en[key];

  const T = (key, values = {}) => {
    let message = lookup(key);
    if (message === undefined) return key;
    if (typeof message === 'object') {
      const rule = cached('p', {}, () => new Intl.PluralRules(locale())).select(values.n);
      message = message[rule] ?? message.other;
    }
    return message.replace(/\{(\w+)\}/g, (_, name) => {
      const value = values[name];
      return typeof value === 'number' ? isolate(geocn.number(value)) : isolate(value ?? '');
    });
  };

  const number = (value, digits = 3) => {
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e12 || size < 1e-4)) {
      return numberFormat({ notation: 'scientific', maximumSignificantDigits: digits }).format(value);
    }
    if (size >= 10 ** digits || Number.isInteger(value)) {
      return numberFormat({ maximumFractionDigits: 0 }).format(value);
    }
    return numberFormat({ maximumSignificantDigits: digits }).format(value);
  };

  const unit = (value, name) => {
    const text = number(value);
    return `${text}\u00a0${T(`unit.${name}`)}`;
  };

  const day = (days, precision = 'day') => {
    if (days === NO_DAY) return null;
    const options = precision === 'year' ? { year: 'numeric' }
      : precision === 'month' ? { year: 'numeric', month: 'long' }
        : { year: 'numeric', month: 'short', day: 'numeric' };
    return dateFormat(options).format(new Date(days * DAY));
  };

  // A step of the slider, named after what it spans: a year, a quarter, a month, or days.
  const span = ([first, last]) => {
    const start = new Date(first * DAY);
    const days = last - first + 1;
    if (days > 360) return day(first, 'year');
    if (days > 80) return T('quarter', { q: String(Math.floor(start.getUTCMonth() / 3) + 1), y: String(start.getUTCFullYear()) });
    if (days > 27) return dateFormat({ year: 'numeric', month: 'short' }).format(start);
    return day(first);
  };

  // A share; what is hardly any is said so, not in powers of ten.
  const share = (value) => (value > 0 && value < 0.0005 ? `< ${number(0.1)}\u00a0%` : `${number(value * 100)}\u00a0%`);

  const probability = (p) => (p < 0.001 ? `< ${number(0.001)}` : number(p, 2));

  // Canonical codes have names in the catalogue, some of them only in one column; what is not there reads as it is written.
  const code = (text, field) => lookup(`code.${field}.${text}`) ?? lookup(`code.${text}`) ?? String(text).replace(/_/g, ' ');

  const country = (iso, fallback) => {
    if (!iso || !/^[A-Z]{2}$/.test(iso)) return fallback;
    try {
      const names = cached('c', {}, () => new Intl.DisplayNames([locale()], { type: 'region' }));
      const name = names.of(iso);
      return name && name !== iso ? name : fallback;
    } catch { return fallback; }
  };

  const distance = (metres) => (metres >= 1000 ? unit(metres / 1000, 'km') : unit(metres, 'm'));

  Object.assign(geocn, { T, number, unit, day, span, probability, share, code, country, distance, isolate, NO_DAY });
  geocn.rtl = () => geocn.config.right_to_left.includes(geocn.state.language);
  geocn.setLanguage = (language) => {
    geocn.state.language = language;
    document.documentElement.lang = language;
    document.documentElement.dir = geocn.rtl() ? 'rtl' : 'ltr';
    geocn.emit('language');
  };
})();
