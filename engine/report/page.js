(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("curves").textContent);
  var place = document.getElementById("equity");
  var log = document.getElementById("log");
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function line(y, name, tint, axis, extra) {
    return Object.assign({ x: data.time, y: y, name: name, type: "scatter", mode: "lines", yaxis: axis,
      line: { color: tint, width: 1.4 }, hovertemplate: "%{y}<extra>" + name + "</extra>" }, extra || {});
  }
  function draw() {
    var narrow = place.clientWidth < 560;
    var traces = [line(data.equity, "equity", colour("--blue"), "y", { hovertemplate: "%{y:,.0f}<extra>equity</extra>" })];
    if (data.benchmark) {
      traces.push(line(data.benchmark, data.benchmark_name, colour("--soft"), "y",
        { hovertemplate: "%{y:,.0f}<extra>" + data.benchmark_name + "</extra>" }));
    }
    traces.push(line(data.underwater, "drawdown", colour("--loss"), "y2",
      { fill: "tozeroy", showlegend: false, hovertemplate: "%{y:.1%}<extra>drawdown</extra>" }));
    traces.push(line(data.gross, "gross exposure", colour("--soft"), "y3",
      { showlegend: false, line: { color: colour("--soft"), width: 1, shape: "hv" }, hovertemplate: "%{y:.2f}<extra>gross</extra>" }));
    var grid = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), fixedrange: true, automargin: true };
    Plotly.react(place, traces, {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 12, color: colour("--soft") },
      margin: { l: narrow ? 44 : 64, r: 8, t: 8, b: 32 }, hovermode: "x unified", showlegend: !!data.benchmark,
      legend: { orientation: "h", x: 0, y: 1.05 }, hoverlabel: { bgcolor: colour("--panel"), font: { color: colour("--ink") } },
      xaxis: { gridcolor: colour("--line"), anchor: "y3" },
      yaxis: Object.assign({}, grid, { domain: [0.42, 1], type: log.checked ? "log" : "linear", tickformat: "~s" }),
      yaxis2: Object.assign({}, grid, { domain: [0.17, 0.38], tickformat: ".0%" }),
      yaxis3: Object.assign({}, grid, { domain: [0, 0.13], rangemode: "tozero", title: { text: narrow ? "" : "gross" } })
    }, { displayModeBar: false, responsive: true });
  }
  log.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
