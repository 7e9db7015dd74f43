export type { Recognition } from "./bind/bindings.ts";
export { builtinDescriptions } from "./builtin.ts";
export { Classifier, classifiedColumns, VERDICTS } from "./classifier.ts";
export type { AccessInQuestion, Candidate, ClassifiedColumns, Reached } from "./classifier.ts";
export { descriptionJsonSchema } from "./description/json-schema.ts";
export { loadDescription } from "./description/load.ts";
export { cubesHold, fieldOf, guardAccepts, laneOf, putField } from "./description/model.ts";
export type {
  Advance,
  Binding,
  Cube,
  Device,
  Drain,
  Field,
  Guard,
  Instance,
  Interrupt,
  Place,
  Port,
  Quiet,
  QuietBits,
  QuietRing,
  QuietSelectors,
  QuietValues,
  Reach,
  Register,
  Risk,
  Rule,
  Selector,
  Slot,
  Step,
  Unreachable,
  Verdict,
  Window,
  WindowBits,
} from "./description/model.ts";
export { DescriptionError, formatProblem } from "./description/problem.ts";
export type { DescriptionProblem } from "./description/problem.ts";
export type { DescriptionSource } from "./description/source.ts";
export { InstanceState, UNKNOWN } from "./knowledge/instance-state.ts";
export type { DeviceAccess, Whereabouts } from "./knowledge/instance-state.ts";
export { heldValue, keptValue, openOf } from "./knowledge/slot-content.ts";
export type { SlotContent, SlotWrite } from "./knowledge/slot-content.ts";
export { loadLibrary } from "./library.ts";
export type { Library, PlacedClaim, PortClaim } from "./library.ts";
export { CRITERIA, criteriaNames } from "./select/criteria.ts";
export type { Criterion } from "./select/criteria.ts";
