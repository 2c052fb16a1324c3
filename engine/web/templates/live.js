(function () {
  "use strict";
  var root = document.documentElement, body = document.body;
  var MOST = 6000, SPACING = 500, SILENT = 8000, HEARD = 10000, SURE = 5000;
  var key = "", count = 0, span = "all", series = { x: [], y: [], d: [], cone: null }, slice = -2, drift = 0, heard = 0, ended = "";
  var lastEvent = 0, stream = null, left = false, fetching = false, drawnAt = 0, waiting = 0, candleAt = 0, candleSlice = -2, spoken = "", spokenAt = 0;

  function by(id) { return document.getElementById(id); }
  function colour(name) { return getComputedStyle(root).getPropertyValue("--" + name).trim(); }
  function narrow(place) { return place.clientWidth < 560; }
  function parts() { return document.querySelectorAll("[data-part]"); }
  function ground() { return span === "all" ? "all" : span; }

  // What is said to people.
  function link(word, kind) { by("link").textContent = word; by("link").className = "badge " + kind; }
  function notice(text) { by("notice").hidden = !text; by("notice").textContent = text; }
  function say(text) {
    if (text && text !== spoken && Date.now() - spokenAt > 15000) { by("said").textContent = text; spoken = text; spokenAt = Date.now(); }
  }
  function ask(path, options) {
    return fetch(path, Object.assign({ credentials: "same-origin", cache: "no-store", redirect: "error" }, options));
  }

  // Entering: the fragment is forgotten before anything else happens, and spent once.
  function enter() {
    var token = location.hash.slice(1);
    if (token.length < 20) { return Promise.resolve(); }
    history.replaceState(null, "", location.pathname);
    return ask("/enter", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: token }) })
      .then(function (answer) {
        if (!answer.ok) { return answer.text().then(notice); }
        return answer.json().then(function (told) {
          key = told.key;
          by("controls").hidden = !key; by("read-only").hidden = Boolean(key);
        });
      });
  }

  // Parts: server-made HTML. Focus and scroll stay where they were.
  function put(name, html) {
    var place = document.querySelector("[data-part=" + name + "]");
    if (!place) { return; }
    var focus = document.activeElement, inside = place.contains(focus) && focus !== place, mark = "", chosen = place.value;
    if (inside) { mark = focus.getAttribute("aria-label") || ""; }
    var scrolls = Array.prototype.map.call(place.querySelectorAll(".scroll, pre"), function (one) { return [one.scrollLeft, one.scrollTop]; });
    place.innerHTML = html;
    place.querySelectorAll(".scroll, pre").forEach(function (one, k) { if (scrolls[k]) { one.scrollLeft = scrolls[k][0]; one.scrollTop = scrolls[k][1]; } });
    if (inside && mark) {
      place.querySelectorAll("[aria-label]").forEach(function (one) { if (one.getAttribute("aria-label") === mark) { one.focus({ preventScroll: true }); } });
    }
    if (name === "choices" && chosen) { place.value = chosen; }
    if (name === "identity") { document.title = "PAPER · " + place.querySelector("h1").textContent; }
    if (ended) { place.querySelectorAll("[data-command]").forEach(function (one) { one.disabled = true; }); }
  }

  function listen() {
    if (stream) { stream.close(); }
    stream = new EventSource("/events");
    stream.onmessage = function (event) { take(JSON.parse(event.data)); };
    stream.addEventListener("bye", function () { left = true; stream.close(); lost("The session's process has ended; what stands here is its last word."); });
    stream.onerror = function () {
      if (left) { return; }
      lost("");
      if (stream.readyState === EventSource.CLOSED) { setTimeout(again, 3000); }
    };
  }
  function again() {
    if (left) { return; }
    ask("/curve?span=all").then(function (answer) {
      if (answer.status === 401) { lost(""); notice("This page has no leave to read. Open the address that barcast printed last."); setTimeout(again, 15000); return; }
      listen();
    }).catch(function () { setTimeout(again, 3000); });
  }
  function lost(why) {
    link("connection lost", "loss"); body.classList.add("lost");
    if (why) { notice(why); }
  }

  function take(told) {
    lastEvent = Date.now(); drift = told.now - lastEvent; heard = told.heard; slice = told.slice;
    body.classList.remove("lost");
    ended = told.ended;
    Object.keys(told.parts).forEach(function (name) { put(name, told.parts[name]); });
    if (ended) { document.querySelectorAll("#controls button").forEach(function (one) { one.disabled = true; }); }
    if (told.stale || (count === 0 && series.x.length === 0)) { whole(); }
    else if (told.points.length && told.count > count) { extend(told.points.slice(-(told.count - count))); count = told.count; }
    notice(told.failed ? "The page has failed, the session goes on: " + told.failed : ""); alive(); say(told.said); candles(false); tick();
  }
  function alive() {
    var silent = Date.now() + drift - heard;
    if (ended) { link("session closed", "quiet"); }
    else if (heard && silent > HEARD) { link("session silent for " + length(silent), "loss"); }
    else { link("live", "good"); }
  }
  function length(ms) {
    var s = Math.max(0, Math.round(ms / 1000));
    if (s < 90) { return s + " s"; }
    if (s < 5400) { return Math.round(s / 60) + " min"; }
    if (s < 172800) { return Math.round(s / 3600) + " h"; }
    return Math.round(s / 86400) + " days";
  }
  function tick() {
    var now = Date.now() + drift;
    document.querySelectorAll("[data-until]").forEach(function (one) {
      var rest = Number(one.dataset.until) - now;
      one.textContent = rest > 0 ? "in " + length(rest) : "due";
    });
    document.querySelectorAll("[data-since]").forEach(function (one) { one.textContent = length(now - Number(one.dataset.since)) + " ago"; });
    if (lastEvent && !left && Date.now() - lastEvent > SILENT) { lost(""); }
    else if (lastEvent && !left && !body.classList.contains("lost")) { alive(); }
  }

  // Charts.
  var quiet = { displayModeBar: false, responsive: true, doubleClick: "reset", showTips: false };
  function base(place, extra) {
    return Object.assign({
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: "zoom", uirevision: span,
      font: { family: getComputedStyle(body).fontFamily, size: 12, color: colour("soft") },
      margin: { l: 62, r: 4, t: 8, b: 28 },
      hoverlabel: { bgcolor: colour("ground"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12 } }
    }, extra);
  }
  function axis(extra) {
    return Object.assign({ gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("line"), fixedrange: true, ticks: "", showline: false }, extra);
  }
  function equity() {
    var place = by("plot-equity");
    if (!window.Plotly) { return; }
    drawnAt = Date.now();
    by("cone-key").hidden = !series.cone;
    Plotly.react(place, [
      { type: "scatter", mode: "lines", x: series.x.slice(), y: series.y.slice(), line: { color: colour("blue"), width: 1.6 }, hovertemplate: "%{y:,.2f}<extra>equity</extra>" },
      { type: "scatter", mode: "lines", x: series.x.slice(), y: series.d.slice(), yaxis: "y2", fill: "tozeroy", fillcolor: colour("wash"),
        line: { color: colour("loss"), width: 1 }, hovertemplate: "%{y:.2%}<extra>drawdown</extra>" }
    ].concat(cone()), base(place, {
      hovermode: "x unified",
      xaxis: axis({ anchor: "y2", fixedrange: false, showgrid: false, zeroline: false, type: "date", hoverformat: "%Y-%m-%d %H:%M UTC", nticks: narrow(place) ? 4 : 8 }),
      yaxis: axis({ domain: [0.36, 1], tickformat: ",~r", nticks: 6 }),
      yaxis2: axis({ domain: [0, 0.29], tickformat: ".1%", nticks: 4 })
    }), quiet);
  }
  // Shares of the backtest's own futures; traces 0 and 1 stay those that grow.
  function cone() {
    var c = series.cone;
    if (!c) { return []; }
    function band(low, high, shade) {
      return { type: "scatter", mode: "lines", x: c.x.concat(c.x.slice().reverse()), y: c[high].concat(c[low].slice().reverse()), fill: "toself",
        fillcolor: colour("blue") + shade, line: { width: 0 }, hoverinfo: "skip" };
    }
    return [band("low", "high", "1a"), band("lower", "upper", "26"),
      { type: "scatter", mode: "lines", x: c.x, y: c.middle, line: { color: colour("soft"), width: 1, dash: "dot" },
        customdata: c.x.map(function (_, k) { return [c.low[k], c.high[k]]; }), hovertemplate: "%{y:,.0f}, %{customdata[0]:,.0f} to %{customdata[1]:,.0f}<extra>cone</extra>" }];
  }
  function outgrown() { var c = series.cone, n = series.x.length; return Boolean(c && c.more && n && series.x[n - 1] > c.x[c.x.length - 1]); }
  function whole() {
    if (fetching) { return; }
    fetching = true;
    ask("/curve?span=" + encodeURIComponent(ground())).then(function (answer) { return answer.json(); }).then(function (told) {
      count = told.count; series = { x: [], y: [], d: [], cone: told.cone };
      told.points.forEach(push);
      equity();
    }).catch(function () { count = 0; }).then(function () { fetching = false; });
  }
  function push(point) { series.x.push(point[0]); series.y.push(point[1]); series.d.push(point[2]); }
  function extend(points) {
    points.forEach(push);
    if (series.x.length > MOST || span !== "all" || outgrown()) { whole(); } else { later(); }
  }
  function later() {
    if (waiting) { return; }
    waiting = setTimeout(function () { waiting = 0; append(); }, Math.max(0, SPACING - (Date.now() - drawnAt)));
  }
  function append() {
    var place = by("plot-equity");
    if (!window.Plotly) { return; }
    if (!place.data || place.data[0].x.length > series.x.length) { equity(); return; }
    drawnAt = Date.now();
    var from = place.data[0].x.length, x = series.x.slice(from);
    if (x.length) { Plotly.extendTraces(place, { x: [x, x], y: [series.y.slice(from), series.d.slice(from)] }, [0, 1]); }
  }
  function candles(now) {
    var place = by("plot-candles"), choice = by("choice");
    if (!window.Plotly || !choice.value || (!now && (slice === candleSlice || Date.now() - candleAt < 1000))) { return; }
    candleAt = Date.now(); candleSlice = slice;
    ask("/candles?symbol=" + encodeURIComponent(choice.value)).then(function (answer) { return answer.json(); }).then(function (told) { prices(place, told); }).catch(function () { candleSlice = -2; });
  }
  function prices(place, told) {
    var last = told.time.length - 1, ends = [told.since || told.time[0], told.time[last]];
    var traces = [!told.ranges ? { type: "scatter", mode: "lines", x: told.time, y: told.close, name: told.symbol, line: { color: colour("up"), width: 1.4 }, hovertemplate: "%{y}<extra></extra>" }
      : { type: "candlestick", x: told.time, open: told.open, high: told.high, low: told.low, close: told.close, name: told.symbol, whiskerwidth: 0,
      increasing: { line: { color: colour("up"), width: 1 }, fillcolor: colour("ground") }, decreasing: { line: { color: colour("up"), width: 1 }, fillcolor: colour("up") } }];
    [[true, "triangle-up", "gain"], [false, "triangle-down", "loss"]].forEach(function (way) {
      var mine = told.marks.filter(function (mark) { return mark[2] === way[0]; });
      traces.push({ type: "scatter", mode: "markers", x: mine.map(function (m) { return m[0]; }), y: mine.map(function (m) { return m[1]; }),
        text: mine.map(function (m) { return m[3]; }), hovertemplate: "%{y}<br>%{text}<extra></extra>",
        marker: { symbol: way[1], size: 10, color: colour(way[2]), line: { color: colour("ground"), width: 1 } } });
    });
    [["stop", "warn"], ["take_profit", "blue"]].forEach(function (level) {
      if (told[level[0]] !== null && last >= 0) {
        traces.push({ type: "scatter", mode: "lines", x: ends, y: [told[level[0]], told[level[0]]], line: { color: colour(level[1]), width: 1.2, dash: "dot" },
          hovertemplate: "%{y}<extra>" + level[0].replace("_", " ") + "</extra>" });
      }
    });
    Plotly.react(place, traces, base(place, {
      hovermode: "closest", uirevision: told.symbol,
      xaxis: axis({ fixedrange: false, showgrid: false, zeroline: false, type: "date", rangeslider: { visible: false }, nticks: narrow(place) ? 4 : 8 }),
      yaxis: axis({ tickformat: "~g", nticks: 7 })
    }), quiet);
  }

  // Commands.
  function command(button) {
    if (button.dataset.confirm && !button.classList.contains("sure")) {
      var words = button.textContent;
      button.classList.add("sure"); button.textContent = button.dataset.confirm;
      setTimeout(function () { button.classList.remove("sure"); button.textContent = words; }, SURE);
      return;
    }
    var told = { name: button.dataset.command };
    if (button.dataset.symbol) { told.symbol = button.dataset.symbol; }
    if (button.dataset.flatten) { told.flatten = true; }
    if (told.name === "resume") { told.reason = by("reason").value; }
    button.disabled = true;
    by("answer").textContent = told.name + " …";
    ask("/command", { method: "POST", headers: { "Content-Type": "application/json", "X-Barcast-Key": key }, body: JSON.stringify(told) })
      .then(function (answer) { return answer.ok ? answer.json().then(function (got) { return got.said; }) : answer.text(); })
      .catch(function () { return told.name + ": the session did not answer"; })
      .then(function (text) { by("answer").textContent = text; button.disabled = Boolean(ended); });
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) { return; }
    if (button.dataset.command) { command(button); }
    if (button.dataset.span) {
      span = button.dataset.span;
      document.querySelectorAll("[data-span]").forEach(function (one) { one.setAttribute("aria-pressed", String(one === button)); });
      whole();
    }
  });
  by("choice").addEventListener("change", function () { candles(true); });

  // Themes.
  var theme = by("theme"), names = ["auto", "light", "dark"];
  function current() { return root.dataset.theme || "auto"; }
  function redraw() { if (window.Plotly) { equity(); candles(true); } }
  theme.hidden = false;
  theme.lastElementChild.textContent = current();
  theme.addEventListener("click", function () {
    var next = names[(names.indexOf(current()) + 1) % 3];
    if (next === "auto") { delete root.dataset.theme; } else { root.dataset.theme = next; }
    try { if (next === "auto") { localStorage.removeItem("barcast-theme"); } else { localStorage.setItem("barcast-theme", next); } } catch (error) { next = current(); }
    theme.lastElementChild.textContent = next;
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  setInterval(tick, 1000);
  enter().catch(function () { notice("The session did not answer."); }).then(again);
})();
