// The last places of a device on a map of our own: coasts and borders, without asking
// anybody. Street maps lie above it where the portal is told whose to use. Without this
// file the places are a list.
"use strict";

const WORLD_ZOOM = 5;
const STREET_ZOOM = 15;
const CLOSE_ZOOM = 17;

// A list of rings of [longitude, latitude]: inside by the even-odd rule.
function isInside(polygon, place) {
  let inside = false;
  for (const ring of polygon) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [x1, y1] = ring[i];
      const [x2, y2] = ring[j];
      const crosses = y1 > place.lat !== y2 > place.lat;
      if (crosses && place.lng < ((x2 - x1) * (place.lat - y1)) / (y2 - y1) + x1) inside = !inside;
    }
  }
  return inside;
}

function sayCountry(world, place) {
  const country = world.features.find((each) =>
    each.geometry.coordinates.some((polygon) => isInside(polygon, place)));
  const shown = document.querySelector("[data-country]");
  if (country && shown) shown.textContent = `, ${country.properties.name}`;
}

async function drawWorld(map, url, place) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) return;
  const world = await answer.json();
  L.geoJSON(world, { pane: "world", interactive: false, style: { className: "mp-map__land" } }).addTo(map);
  map.attributionControl.addAttribution("Natural Earth");
  sayCountry(world, place);
}

function drawStreets(map, url, attribution) {
  L.tileLayer(url, { attribution, maxZoom: 19, referrerPolicy: "strict-origin" }).addTo(map);
}

// Places come newest first; text is set as such, never as HTML.
function drawPlaces(map, places) {
  const way = places.map((place) => [place.lat, place.lng]);
  if (way.length > 1) L.polyline(way, { className: "mp-map__way" }).addTo(map);
  for (const place of places.toReversed()) {
    const isLast = place === places[0];
    const where = [place.lat, place.lng];
    if (isLast && place.accuracy) {
      L.circle(where, { radius: place.accuracy, className: "mp-map__around", interactive: false }).addTo(map);
    }
    const dot = L.circleMarker(where, { radius: isLast ? 8 : 4, className: isLast ? "mp-map__last" : "mp-map__dot" });
    const label = document.createElement("span");
    label.textContent = place.label;
    dot.bindTooltip(label, { direction: "top", offset: [0, -6] }).addTo(map);
  }
}

function around(places) {
  const bounds = L.latLngBounds(places.map((place) => [place.lat, place.lng]));
  const last = L.latLng(places[0].lat, places[0].lng);
  return bounds.extend(last.toBounds(2 * (places[0].accuracy || 0)));
}

// From the country to the way that it took.
function comeCloser(map, places) {
  const button = document.querySelector("[data-closer]");
  if (!button) return;
  button.hidden = false;
  const close = { maxZoom: CLOSE_ZOOM, padding: [30, 30] };
  button.addEventListener("click", () => map.fitBounds(around(places), close));
}

function draw(element) {
  const places = JSON.parse(element.dataset.map);
  const { world, tiles, attribution } = element.dataset;
  element.hidden = false;
  const map = L.map(element, { maxZoom: 19, minZoom: 1, worldCopyJump: true, zoomAnimation: false });
  map.attributionControl.setPrefix(false);
  map.createPane("world").style.zIndex = 150; // below street maps
  L.control.scale({ imperial: false }).addTo(map);
  map.fitBounds(around(places), { maxZoom: tiles ? STREET_ZOOM : WORLD_ZOOM, padding: [30, 30] });
  drawPlaces(map, places);
  comeCloser(map, places);
  drawWorld(map, world, places[0]).catch(() => {}); // the places are there without it
  if (tiles) drawStreets(map, tiles, attribution);
}

document.addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll("[data-map]")) draw(element);
});
