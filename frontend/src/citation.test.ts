import { expect, it } from "vitest";
import { bibtexOf, bibtexOfView, piecesOf, withoutSections } from "./citation";

const BT = {
  id: "bt",
  title: "BT",
  name: "Bad teacher",
  source: "Chundawat et al. 2023, arXiv 2205.08096",
};

it("names authors, year and preprint of a source that has them", () => {
  const entry = bibtexOf(BT);
  expect(entry).toMatch(/^@misc\{chundawat2023bt,/);
  expect(entry).toContain("author = {Chundawat and others}");
  expect(entry).toContain("year = {2023}");
  expect(entry).toContain("eprint = {2205.08096}");
});

it("writes an entry for each source", () => {
  const source = "Koh & Liang 2017, arXiv 1703.04730; Izzo et al. 2021, arXiv 2002.10077";
  const entries = bibtexOf({ ...BT, source }).match(/@misc\{\w+/g);
  expect(entries).toEqual(["@misc{koh2017bt", "@misc{izzo2021bt"]);
  expect(bibtexOf({ ...BT, source })).toContain("author = {Koh and Liang}");
});

it("invents no author for a source that names none", () => {
  const entry = bibtexOf({ ...BT, source: "NeurIPS 2023 Machine Unlearning challenge" });
  expect(entry).not.toContain("author");
  expect(entry).toContain("howpublished = {NeurIPS 2023 Machine Unlearning challenge}");
});

it("leaves out which section of our own documents describes it", () => {
  expect(withoutSections("As released (methods §8 row 18), or fixed.")).toBe("As released, or fixed.");
});

it("leads from each preprint that a source names to its place", () => {
  expect(piecesOf("Koh & Liang 2017, arXiv 1703.04730; a talk")).toEqual([
    { text: "Koh & Liang 2017, ", address: null },
    { text: "arXiv 1703.04730", address: "https://arxiv.org/abs/1703.04730" },
    { text: "; a talk", address: null },
  ]);
});

it("cites a view by its address and the day on which it was seen", () => {
  const seen = new Date("2026-03-04T23:59:00Z");
  const url = "http://lethe.test/?metric=indiscernibility&model=tiny_vit";
  const entry = bibtexOfView({ name: "lethe-board", title: "R&D (Board)", url, seen });
  expect(entry.split("\n").slice(0, 6)).toEqual([
    "@misc{lethe-board-2026-03-04,",
    "  title = {R\\&D (Board)},",
    "  author = {{Lethe}},",
    "  year = {2026},",
    `  url = {${url}},`,
    "  urldate = {2026-03-04},",
  ]);
});
