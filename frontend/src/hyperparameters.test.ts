import { expect, it } from "vitest";
import { hyperparametersOf } from "./hyperparameters";

const one = (field: Record<string, unknown>) => hyperparametersOf({ properties: { field } })[0];

it("writes open and closed bounds as an interval", () => {
  expect(one({ exclusiveMinimum: 0, maximum: 10 })?.bounds).toBe("(0, 10]");
  expect(one({ minimum: 2 })?.bounds).toBe("[2, ∞)");
});

it("lists the choices of a hyperparameter that has them", () => {
  expect(one({ enum: ["official", "fixed"], type: "string" })?.bounds).toBe("official, fixed");
});

it("leaves out where our own specifications describe it", () => {
  expect(one({ description: "Passes (methods §8 row 18)." })?.meaning).toBe("Passes.");
});

it("writes a search space as distribution with its ends or choices, and says where none is", () => {
  expect(one({ search: { distribution: "LogUniform", low: 1e-5, high: 0.1 } })?.search).toBe(
    "log uniform from 0.00001 to 0.1",
  );
  expect(one({ search: { distribution: "OneOf", choices: [64, 128] } })?.search).toBe("one of 64, 128");
  expect(one({ search: { distribution: "Epochs" } })?.search).toBe("epochs");
  expect(one({})?.search).toBe("not searched");
});

it("shows a default of false or zero, which are defaults too", () => {
  expect(one({ default: false })?.fallback).toBe("false");
  expect(one({ default: 0 })?.fallback).toBe("0");
});
