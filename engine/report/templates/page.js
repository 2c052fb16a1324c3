(function () {
  "use strict";
  var root = document.documentElement;
  var data = JSON.parse(document.getElementById("data").textContent);
  var quiet = { displayModeBar: false, responsive: true, doubleClick: "reset", showTips: false };

  function by(id) { return document.getElementById(id); }
  function colour(name) { return getComputedStyle(root).getPropertyValue("--" + name).trim(); }
  function narrow(place) { return place.clientWidth < 560; }

  function base(place, extra) {
    return Object.assign({
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: "zoom",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("soft") },
      margin: { l: narrow(place) ? 42 : 52, r: 4, t: 8, b: 28 },
      hoverlabel: { bgcolor: colour("ground"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12 } }
    }, extra);
  }
  function axis(extra) {
    return Object.assign({ gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"),
      fixedrange: true, ticks: "", automargin: false, showline: false }, extra);
  }
  function line(x, y, name, tint, extra) {
    return Object.assign({ type: "scatter", mode: "lines", x: x, y: y, name: name, line: { color: colour(tint), width: 1.5 } }, extra);
  }

  // Labels at 1, 2 and 5 of each power of ten, or at the powers alone where there are many.
  function logarithmic(told) {
    var low = Infinity, high = 0;
    [told.equity, told.benchmark || []].forEach(function (values) {
      values.forEach(function (value) { if (value > 0) { low = Math.min(low, value); high = Math.max(high, value); } });
    });
    var decades = Math.log10(high / low);
    return decades > 0.5 ? { type: "log", dtick: decades > 3 ? 1 : "D2" } : { type: "log", nticks: 6 };
  }

  function curves() {
    var place = by("plot-curves"), told = data.curves;
    if (!place || !told) { return; }
    var traces = [];
    if (told.benchmark) {
      traces.push(line(told.time, told.benchmark, told.benchmark_name, "soft", { line: { color: colour("soft"), width: 1.1 } }));
      traces.push(line(told.time, told.benchmark_underwater, told.benchmark_name, "soft",
        { yaxis: "y2", line: { color: colour("soft"), width: 0.9 }, hoverinfo: "skip" }));
    }
    traces.push(line(told.time, told.equity, "strategy", "blue"));
    traces.push(line(told.time, told.underwater, "drawdown", "loss",
      { yaxis: "y2", fill: "tozeroy", fillcolor: colour("wash"), line: { color: colour("loss"), width: 1 } }));
    traces.forEach(function (trace) {
      trace.hovertemplate = trace.yaxis === "y2" ? "%{y:.1%}" : "%{y:,.0f}";
    });
    Plotly.react(place, traces, base(place, {
      hovermode: "x unified",
      xaxis: axis({ anchor: "y2", fixedrange: false, showgrid: false, zeroline: false, type: "date", hoverformat: data.daily ? "%Y-%m-%d" : "%Y-%m-%d %H:%M" }),
      yaxis: axis(Object.assign({ domain: [0.36, 1], tickformat: "~s" }, by("log").checked ? logarithmic(told) : { type: "linear", nticks: 6 })),
      yaxis2: axis({ domain: [0, 0.29], tickformat: ".0%", nticks: 4 })
    }), quiet);
  }

  function levels(told, values, size) {
    var x = [], y = [];
    values.forEach(function (value, k) {
      if (value === null) { return; }
      var end = told.exit[k] < 0 ? size - 1 : told.exit[k];
      x.push(told.time[told.entry[k]], told.time[Math.min(Math.max(end, told.entry[k] + 1), size - 1)], null);
      y.push(value, value, null);
    });
    return { x: x, y: y };
  }
  function points(told, which, side, price) {
    var out = { x: [], y: [], text: [] };
    told.words.forEach(function (word, k) {
      if (!which(k) || price[k] === null) { return; }
      out.x.push(told.time[side[k]]); out.y.push(price[k]); out.text.push(word);
    });
    return out;
  }
  function marks(told, which, side, price, symbol, tint) {
    return Object.assign(points(told, which, side, price), { type: "scatter", mode: "markers", hovertemplate: "%{y}<br>%{text}<extra></extra>",
      marker: { symbol: symbol, size: 10, color: colour(tint), line: { color: colour("ground"), width: 1 } } });
  }
  function paths(told, won, tint) {
    var x = [], y = [];
    told.exit.forEach(function (exit, k) {
      if (exit < 0 || told.won[k] !== won) { return; }
      x.push(told.time[told.entry[k]], told.time[exit], null); y.push(told.entry_price[k], told.exit_price[k], null);
    });
    return line(x, y, "", tint, { hoverinfo: "skip", line: { color: colour(tint), width: 1, dash: "dot" } });
  }
  function trades(told) {
    var size = told.time.length, out = [paths(told, true, "gain"), paths(told, false, "loss")];
    [["stop", "warn"], ["target", "blue"]].forEach(function (pair) {
      var level = levels(told, told[pair[0]], size);
      if (level.x.length) {
        out.push(line(level.x, level.y, pair[0], pair[1], { line: { color: colour(pair[1]), width: 1.2 },
          hovertemplate: "%{y}<extra>" + pair[0] + "</extra>" }));
      }
    });
    [[1, "triangle-up"], [-1, "triangle-down"]].forEach(function (way) {
      [["gain", function (k) { return told.exit[k] >= 0 && told.won[k]; }], ["loss", function (k) { return told.exit[k] >= 0 && !told.won[k]; }],
        ["soft", function (k) { return told.exit[k] < 0; }]].forEach(function (kind) {
        out.push(marks(told, function (k) { return told.side[k] === way[0] && kind[1](k); }, told.entry, told.entry_price, way[1], kind[0]));
      });
    });
    out.push(marks(told, function (k) { return told.exit[k] >= 0 && told.won[k]; }, told.exit, told.exit_price, "x", "gain"));
    out.push(marks(told, function (k) { return told.exit[k] >= 0 && !told.won[k]; }, told.exit, told.exit_price, "x", "loss"));
    return out;
  }

  var shown = 0, whole = false;
  function span(told) {
    var size = told.time.length, last = size - 1, busiest = told.entry.length ? told.entry[told.entry.length - 1] : last;
    if (whole || size <= 260) { return [0, last]; }
    var end = Math.min(last, Math.max(busiest + 60, 250));
    return [Math.max(0, end - 250), end];
  }
  function extent(told, from, to) {
    var low = Infinity, high = -Infinity;
    for (var k = Math.max(0, from); k <= Math.min(to, told.time.length - 1); k++) {
      low = Math.min(low, told.candles ? told.low[k] : told.close[k]); high = Math.max(high, told.candles ? told.high[k] : told.close[k]);
    }
    var room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low - room, high + room];
  }
  function candles() {
    var place = by("plot-candles"), told = data.candles[shown];
    if (!place || !told) { return; }
    var price = told.candles
      ? { type: "candlestick", x: told.time, open: told.open, high: told.high, low: told.low, close: told.close, name: "price",
          increasing: { line: { color: colour("up"), width: 1 }, fillcolor: colour("ground") },
          decreasing: { line: { color: colour("up"), width: 1 }, fillcolor: colour("up") }, whiskerwidth: 0 }
      : line(told.time, told.close, "close", "up", { hovertemplate: "%{y}<extra></extra>" });
    var seen = span(told);
    var ends = told.category ? [seen[0] - 0.5, seen[1] + 0.5] : [told.time[seen[0]], told.time[seen[1]]];
    Plotly.react(place, [price].concat(trades(told)), base(place, {
      hovermode: "closest",
      xaxis: axis({ fixedrange: false, showgrid: false, zeroline: false, type: told.category ? "category" : "date", rangeslider: { visible: false },
        range: ends, autorange: false, nticks: narrow(place) ? 4 : 8, tickangle: 0 }),
      yaxis: axis({ tickformat: "~g", range: extent(told, seen[0], seen[1]), nticks: 7 })
    }), quiet).then(function () {
      place.removeAllListeners("plotly_relayout");
      place.on("plotly_relayout", function (change) { follow(place, told, change); });
    });
  }
  function index(told, value) {
    if (told.category) { return Math.round(Number(value)); }
    var text = String(value).slice(0, 16), low = 0, high = told.time.length;
    while (low < high) { var middle = (low + high) >> 1; if (told.time[middle] < text) { low = middle + 1; } else { high = middle; } }
    return low;
  }
  function follow(place, told, change) {
    if (!("xaxis.range[0]" in change)) { return; }
    Plotly.relayout(place, { "yaxis.range": extent(told, index(told, change["xaxis.range[0]"]) - 1, index(told, change["xaxis.range[1]"])) });
  }

  function drawn() { curves(); candles(); }

  var theme = by("theme"), words = ["auto", "light", "dark"];
  function current() { return root.dataset.theme || "auto"; }
  theme.hidden = false;
  theme.lastElementChild.textContent = current();
  theme.addEventListener("click", function () {
    var next = words[(words.indexOf(current()) + 1) % 3];
    if (next === "auto") { delete root.dataset.theme; } else { root.dataset.theme = next; }
    try { if (next === "auto") { localStorage.removeItem("barcast-theme"); } else { localStorage.setItem("barcast-theme", next); } } catch (error) { next = current(); }
    theme.lastElementChild.textContent = next;
    if (window.Plotly) { drawn(); }
  });

  if (!window.Plotly) {
    document.querySelectorAll(".absent").forEach(function (note) { note.hidden = false; });
    document.querySelectorAll(".plot").forEach(function (plot) { plot.hidden = true; });
    return;
  }
  if (by("log")) { by("log").addEventListener("change", curves); }
  if (by("choice")) {
    by("choice").addEventListener("change", function () {
      shown = Number(by("choice").value); whole = false;
      document.querySelectorAll(".choice").forEach(function (note) { note.hidden = Number(note.dataset.choice) !== shown; });
      candles();
    });
    by("whole").addEventListener("click", function () { whole = true; candles(); });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawn);
  var before;
  window.addEventListener("beforeprint", function () { before = root.dataset.theme; root.dataset.theme = "light"; drawn(); });
  window.addEventListener("afterprint", function () {
    if (before) { root.dataset.theme = before; } else { delete root.dataset.theme; }
    drawn();
  });
  drawn();
})();
