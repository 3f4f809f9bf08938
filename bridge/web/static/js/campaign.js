// The chart of calls per minute. Its figures come with the page's live part; its colours from the style sheet, so it is
// made anew when the theme changes.

const box = document.getElementById("pace-chart");
const source = document.getElementById("campaign-pace");
let plot = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function resolved(name) {
  // light-dark() is resolved by the browser where it is used as a colour.
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found || colour(name);
}

function figures() {
  const text = source.querySelector("[data-pace]")?.dataset.pace;
  return text ? JSON.parse(text) : null;
}

function options(width) {
  const muted = resolved("--muted"), line = resolved("--line");
  const two = (number) => String(number).padStart(2, "0");
  const utc = document.documentElement.dataset.time === "utc";
  const clock = (at) => {
    const when = new Date(at * 1000);
    return utc ? `${two(when.getUTCHours())}:${two(when.getUTCMinutes())}` : `${two(when.getHours())}:${two(when.getMinutes())}`;
  };
  const axis = {stroke: muted, grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1}, font: "12px system-ui"};
  const series = (label, name, fill) => ({label, stroke: resolved(name), fill: fill && resolved(fill), width: 2,
    paths: uPlot.paths.stepped({align: 1}), points: {show: false}});
  return {
    width, height: 190, cursor: {drag: {x: false, y: false}}, legend: {live: true},
    scales: {y: {range: (_, __, most) => [0, Math.max(most, 4)]}},
    axes: [{...axis, values: (_, at) => at.map(clock)}, {...axis, size: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]}],
    series: [{label: "Time", value: (_, at) => at === null ? "--" : clock(at)}, series("Begun", "--accent", "--accent-soft"), series("Answered", "--good")],
  };
}

function draw() {
  const data = figures();
  if (!data) return;
  plot?.destroy();
  plot = new uPlot(options(box.clientWidth || 320), data, box);
}

function follow() {
  const data = figures();
  if (data && plot) plot.setData(data); else draw();
}

draw();
new MutationObserver(follow).observe(source, {childList: true, subtree: true, attributes: true, attributeFilter: ["data-pace"]});
new ResizeObserver(() => plot?.setSize({width: box.clientWidth, height: 190})).observe(box.parentElement);
document.addEventListener("preference", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
