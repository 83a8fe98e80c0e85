// Charts with plotly: small ones for pools, two larger ones for routing. Colours come from the page's style sheet.

/* global Plotly */
const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
const SHORTEST_S = 60;

export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const poolColor = (pools, pool) => color(`pool-${Object.keys(pools).indexOf(pool) % 8}`);
export const faint = (hex, alpha = 0.16) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");
export const date = (unixSeconds) => new Date(unixSeconds * 1000);

/** The time range of the charts: the chosen span, or the available part of it. */
export function timeRange(samples, asOf, spanS) {
  const first = samples[0]?.at_s ?? asOf;
  return [date(Math.min(Math.max(asOf - spanS, first), asOf - SHORTEST_S)), date(asOf)];
}

/** Times and values of a line, with gaps where values are unknown. */
export function line(samples, everyS, read) {
  const x = [], y = [];
  let before = null;
  for (const sample of samples) {
    if (before !== null && sample.at_s - before > 4 * everyS) {
      x.push(date((before + sample.at_s) / 2));
      y.push(null);
    }
    x.push(date(sample.at_s));
    y.push(sample.board ? read(sample) : null);
    before = sample.at_s;
  }
  return { x, y };
}

function axes({ range, top, format, withTimes, tall }) {
  const quiet = color("quiet"), grid = color("line");
  const common = { fixedrange: true, zeroline: false, tickfont: { size: 11, color: quiet } };
  return {
    xaxis: {
      ...common, range, showgrid: false, showline: true, linecolor: grid, nticks: 5, tickangle: 0,
      tickformat: "%H:%M:%S", hoverformat: "%H:%M:%S", showticklabels: withTimes, ticks: withTimes ? "outside" : "", ticklen: 4, tickcolor: grid,
    },
    yaxis: {
      ...common, range: [0, top * 1.08], gridcolor: grid, tickvals: [0, top / 2, top], side: "right",
      ticktext: ["0", tall ? format(top / 2) : "", format(top)], automargin: false,
    },
  };
}

/** Draw or update a chart. `top` is the largest value on the axis. */
export function draw(div, traces, { range, top, format, withTimes = true, tall = false }) {
  const layout = {
    ...axes({ range, top, format, withTimes, tall }),
    margin: { l: 2, r: tall ? 68 : 52, t: 6, b: withTimes ? 20 : 3 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: color("text") },
    showlegend: false, dragmode: false, hovermode: "x unified", hoverdistance: 40,
    hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("text"), size: 12 } },
    barmode: "stack",
  };
  return Plotly.react(div, traces, layout, CONFIG);
}

/** The value rounded up to a round number whose half is round as well; at least `least`. */
export function roundUp(value, least) {
  const target = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(target) + 1e-9);
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= target * (1 - 1e-9));
}
