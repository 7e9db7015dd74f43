#!/usr/bin/env python3
"""Prints the accesses of a .pio trace: lz4 and trace.proto are all it knows of the format.

    read-trace.py FILE.pio path/to/trace.proto
"""
import os
import subprocess
import sys
import tempfile


def messages(proto):
    """The classes protoc makes of trace.proto."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", "-I", os.path.dirname(proto), "--python_out", folder, proto], check=True)
        sys.path.insert(0, folder)
        import trace_pb2
    return trace_pb2


def stream(kind, data, width, count):
    """The values of one op: see `values` and ValueEncoding in trace.proto."""
    if kind == "VALUE_ENCODING_CONST":
        return [int.from_bytes(data, "little")] * count
    planes = [data[i * count : (i + 1) * count] for i in range(width)]
    values = [int.from_bytes(row, "little") for row in zip(*planes)]
    if kind == "VALUE_ENCODING_DELTA":
        total = 0
        for i, difference in enumerate(values):
            values[i] = total = (total + difference) % (1 << 8 * width)
    return values


def accesses(chunk, pb):
    """Every access of a chunk: number, time in nanoseconds, vcpu, direction, width, port, value, elements, their bytes."""
    uses = [0] * len(chunk.op_port)
    for op in chunk.op:
        uses[op] += 1
    at, streams = 0, []
    for op, count in enumerate(uses):
        width = 1 << (chunk.op_kind[op] >> 1 & 3)
        kind = pb.ValueEncoding.Name(chunk.value_encoding[op])
        length = width if kind == "VALUE_ENCODING_CONST" else width * count
        streams.append(iter(stream(kind, chunk.values[at : at + length], width, count)))
        at += length
    unit = {"CLOCK_UNIT_MICROSECOND": 1000, "CLOCK_UNIT_NANOSECOND": 1, "CLOCK_UNIT_NONE": 0}[
        pb.ClockUnit.Name(chunk.clock)
    ]
    time, wide, strings, data = chunk.base_time, iter(chunk.wide_time_delta), 0, 0
    for row, op in enumerate(chunk.op):
        if chunk.time_delta:
            delta = chunk.time_delta[row]
            time += next(wide) if delta == 0xFFFFFFFF else delta
        kind = chunk.op_kind[op]
        width = 1 << (kind >> 1 & 3)
        count, payload = 1, ""
        if kind & 8:
            count = chunk.string_count[strings]
            if chunk.string_observed[strings]:
                payload = chunk.string_payload[data : data + count * width].hex()
                data += count * width
            strings += 1
        vcpu = chunk.op_vcpu[op] if chunk.op_vcpu else 0
        direction = "out" if kind & 1 else "in"
        yield chunk.first_seq + row, time * unit, vcpu, direction, 8 * width, chunk.op_port[op], next(streams[op]), count, payload


file, proto = sys.argv[1:]
pb = messages(proto)
unpacked = subprocess.run(["lz4", "-dc", file], check=True, stdout=subprocess.PIPE).stdout
for chunk in pb.Trace.FromString(unpacked).chunk:
    for access in accesses(chunk, pb):
        print(*access, sep="\t")
