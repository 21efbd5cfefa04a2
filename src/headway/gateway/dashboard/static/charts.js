/*
 * Draws each chart from the table beside it: what is drawn is what is told.
 * Colours come from the style sheet, so that they follow light and dark.
 */
(function () {
  "use strict";

  const DAY = 86400000;
  const PHASES = ["open", "announced", "warned", "brownout", "off", "paused"];
  const SERIES = 6; // colours in the style sheet
  const style = () => getComputedStyle(document.documentElement);
  const colour = (name) => style().getPropertyValue(name).trim();
  const short = (ms) => new Date(ms).toISOString().slice(0, 10);
  const exact = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");
  const rows = (figure) => [...figure.querySelectorAll("tbody tr")];
  const value = (cell) => (cell.dataset.value === undefined ? null : Number(cell.dataset.value));
  const drawn = [];

  function axis(more) {
    return {
      border: { color: colour("--line-strong") },
      grid: { color: colour("--line") },
      ticks: { color: colour("--text"), maxRotation: 0, autoSkipPadding: 16, ...(more.ticks || {}) },
      ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== "ticks")),
    };
  }

  function options(x, y, more) {
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      locale: "en",
      scales: { x: axis(x), y: axis(y) },
      ...more,
      plugins: {
        legend: { position: "bottom", labels: { color: colour("--text"), boxWidth: 14 } },
        ...(more.plugins || {}),
      },
    };
  }

  /* The policy's locations, in its order: each has one colour in every chart. */
  function known() {
    const heads = document.querySelectorAll("figure[data-chart=days] thead th");
    return [...heads].slice(1).map((cell) => cell.textContent);
  }

  function series(name) {
    return colour(`--series-${Math.max(0, known().indexOf(name)) % SERIES}`);
  }

  /* A line through a day: today. */
  function today(now) {
    return {
      id: "today",
      afterDatasetsDraw(chart) {
        const { ctx, chartArea: area, scales } = chart;
        const x = scales.x.getPixelForValue(now);
        if (x < area.left || x > area.right) return;
        ctx.save();
        ctx.strokeStyle = colour("--focus");
        ctx.fillStyle = colour("--focus");
        ctx.lineWidth = 2;
        ctx.beginPath();
        ctx.moveTo(x, area.top);
        ctx.lineTo(x, area.bottom);
        ctx.stroke();
        ctx.font = `600 12px ${style().fontFamily}`;
        ctx.textAlign = x > (area.left + area.right) / 2 ? "right" : "left";
        ctx.fillText("today", x + (ctx.textAlign === "right" ? -5 : 5), area.top - 6);
        ctx.restore();
      },
    };
  }

  function phases(figure) {
    const now = Number(figure.dataset.now);
    const told = rows(figure).map((row) => ({
      location: row.dataset.location,
      phase: row.dataset.phase,
      start: Number(row.dataset.start),
      end: row.dataset.end === undefined ? null : Number(row.dataset.end),
    }));
    const moments = told.flatMap((each) => [each.start, each.end]).filter((at) => at !== null);
    const last = Math.max(now, ...moments);
    const first = Math.min(...moments);
    const max = last + Math.max(30 * DAY, (last - first) / 12);
    const names = [...new Set(told.map((each) => each.location))];
    const datasets = PHASES.filter((phase) => told.some((each) => each.phase === phase)).map((phase) => ({
      label: phase,
      data: told
        .filter((each) => each.phase === phase)
        .map((each) => ({ x: [each.start, each.end === null ? max : each.end], y: each.location })),
      backgroundColor: colour(`--phase-${phase}`),
      borderColor: colour("--surface"),
      borderWidth: phase === "brownout" ? 0 : 1,
      minBarLength: 4,
      grouped: false,
      barThickness: 26,
      order: phase === "brownout" ? 0 : 1,
    }));
    const title = (items) => items[0].raw.y;
    const label = (item) => {
      const [start, end] = item.raw.x;
      return `${item.dataset.label}: ${exact(start)} to ${end === max ? "for ever" : exact(end)}`;
    };
    return {
      type: "bar",
      data: { labels: names, datasets },
      options: options(
        {
          type: "linear",
          min: first,
          max,
          ticks: { callback: short, maxTicksLimit: 8 },
          // each tick a month's first day: round numbers of milliseconds mean nothing
          afterBuildTicks: (scale) => { scale.ticks = months(first, max).map((at) => ({ value: at })); },
        },
        { grid: { display: false } },
        {
          indexAxis: "y",
          layout: { padding: { top: 20 } },
          plugins: {
            tooltip: { callbacks: { title, label } },
            legend: {
              position: "bottom",
              labels: { color: colour("--text"), boxWidth: 14, sort: (a, b) => PHASES.indexOf(a.text) - PHASES.indexOf(b.text) },
            },
          },
        },
      ),
      plugins: [today(now)],
    };
  }

  function months(first, last) {
    const span = (last - first) / DAY / 30;
    const step = [1, 2, 3, 6, 12, 24, 60].find((each) => span / each <= 12) || 120;
    const begin = new Date(first);
    const found = [];
    for (let month = 0; ; month += step) {
      const at = Date.UTC(begin.getUTCFullYear(), Math.ceil(begin.getUTCMonth() / step) * step + month, 1);
      if (at > last) return found;
      if (at >= first) found.push(at);
    }
  }

  function days(figure) {
    const all = rows(figure);
    const datasets = known().map((name, number) => ({
      label: name,
      data: all.map((row) => value(row.cells[number + 1])),
      backgroundColor: series(name),
      stack: "all",
      categoryPercentage: 1,
      barPercentage: 0.9,
    }));
    return {
      type: "bar",
      data: { labels: all.map((row) => row.cells[0].textContent), datasets },
      options: options(
        { stacked: true, grid: { display: false }, ticks: { maxTicksLimit: 9 } },
        { stacked: true, beginAtZero: true, ticks: { precision: 0 } },
        { interaction: { mode: "index" } },
      ),
    };
  }

  function weeks(figure) {
    const all = rows(figure);
    const labels = [...new Set(all.map((row) => row.cells[0].textContent))];
    const of = new Set(all.map((row) => row.dataset.location));
    const names = [...new Set([...known(), ...of])].filter((name) => of.has(name));
    const kinds = [["verified", 2, []], ["claimed", 3, [6, 4]]];
    const datasets = names.flatMap((name) => kinds.map(([kind, cell, borderDash]) => ({
      label: names.length > 1 ? `${name}, ${kind}` : kind,
      data: labels.map((label) => {
        const row = all.find((each) => each.dataset.location === name && each.cells[0].textContent === label);
        return row ? value(row.cells[cell]) : null;
      }),
      borderColor: series(name),
      backgroundColor: series(name),
      borderDash,
      borderWidth: 2,
      pointRadius: 3,
      pointStyle: kind === "verified" ? "circle" : "triangle",
    })));
    return {
      type: "line",
      data: { labels, datasets },
      options: options(
        { ticks: { maxTicksLimit: 9 } },
        { beginAtZero: true, ticks: { precision: 0 }, title: { display: true, text: "clients", color: colour("--text") } },
        { interaction: { mode: "index", intersect: false }, plugins: { legend: { position: "bottom", labels: { color: colour("--text"), usePointStyle: true } } } },
      ),
    };
  }

  const KINDS = { phases, days, weeks };
  const TELLS = {
    phases: "Time line of each location's phases, with a line for today. The table below has all of it.",
    days: "Bars: requests by day, one colour for each location. The table below has the numbers.",
    weeks: "Lines: clients by week, verified and claimed. The table below has the numbers.",
  };

  function draw() {
    while (drawn.length) drawn.pop().destroy();
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const kind = figure.dataset.chart;
      const place = figure.querySelector(".canvas");
      const canvas = document.createElement("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", TELLS[kind]);
      place.replaceChildren(canvas);
      drawn.push(new window.Chart(canvas, KINDS[kind](figure)));
    }
    document.documentElement.dataset.drawn = String(drawn.length);
  }

  window.Chart.defaults.font.family = style().fontFamily;
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
