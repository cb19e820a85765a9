"use strict";

// Figures come from the API after the page has loaded, as on most sites.
for (const list of document.querySelectorAll("[data-api]")) {
  fetch(list.dataset.api).then(answer => answer.json()).then(figures => {
    list.replaceChildren(...figures.map(({ label, value }) => {
      const item = document.createElement("li");
      const strong = document.createElement("strong");
      strong.textContent = value.toLocaleString("en-GB");
      item.append(strong, label);
      return item;
    }));
  });
}

for (const canvas of document.querySelectorAll("canvas[data-chart]")) {
  fetch(`/api/months/${canvas.dataset.chart}`).then(answer => answer.json()).then(figures => draw(canvas, figures));
}

function draw(canvas, figures) {
  const pen = canvas.getContext("2d");
  const values = Array.from({ length: 12 }, (_, month) => figures[month % 4].value * (4 + month % 5) % 100 + 100);
  values[7] -= Number(canvas.dataset.off);
  pen.strokeStyle = "#c9d6e6";
  for (let y = 20; y <= 300; y += 40) {
    pen.beginPath();
    pen.moveTo(30, y + .5);
    pen.lineTo(1090, y + .5);
    pen.stroke();
  }
  values.forEach((value, month) => {
    pen.fillStyle = month % 2 ? "#0f766e" : "#14907f";
    pen.fillRect(50 + month * 87, 300 - value, 60, value);
  });
  pen.strokeStyle = "#b45309";
  pen.lineWidth = 2;
  pen.beginPath();
  values.forEach((value, month) => pen.lineTo(80 + month * 87, 290 - value));
  pen.stroke();
}

for (const carousel of document.querySelectorAll("[data-carousel]")) {
  const slides = [...carousel.querySelectorAll("figure")];
  let shown = 0;
  const next = () => {
    slides[shown].hidden = true;
    shown = (shown + 1) % slides.length;
    slides[shown].hidden = false;
  };
  carousel.querySelector("[data-next]").addEventListener("click", next);
  setInterval(next, 5000);
}

// Wide tables open at their newest columns; the first column stays in sight.
for (const region of document.querySelectorAll(".scroll")) region.scrollLeft = 220;

for (const clock of document.querySelectorAll("[data-live]")) {
  const tick = () => { clock.textContent = new Date().toLocaleTimeString("en-GB"); };
  tick();
  setInterval(tick, 1000);
}

for (const opener of document.querySelectorAll("[data-open]")) {
  const dialog = document.getElementById(opener.dataset.open);
  opener.addEventListener("click", () => dialog.showModal());
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}
