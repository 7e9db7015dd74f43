const MARKER = "memory-mapped: ";

/** The marker that tells, before the first access, of a region of registers that the guest reaches through memory: a trace of ports does not show what it does there. */
export function memoryMappedMarker(region: string): string {
  return MARKER + region;
}

/** The region of a {@link memoryMappedMarker}; undefined of any other marker. */
export function memoryMappedRegion(marker: string): string | undefined {
  return marker.startsWith(MARKER) ? marker.slice(MARKER.length) : undefined;
}
