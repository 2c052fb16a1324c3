(function () {
  "use strict";
  var kept = null;
  try { kept = localStorage.getItem("barcast-theme"); } catch (error) { kept = null; }
  if (kept === "light" || kept === "dark") { document.documentElement.dataset.theme = kept; }
})();
