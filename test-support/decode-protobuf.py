"""Decodes a Protocol Buffers message on stdin with Google's implementation and prints it as JSON.

    decode-protobuf.py FILE.proto package.Message
"""
import json
import os
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

file, name = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    compiled = os.path.join(folder, "compiled")
    subprocess.run(["protoc", "-I", os.path.dirname(file), "--descriptor_set_out", compiled, file], check=True)
    with open(compiled, "rb") as stream:
        described = descriptor_pb2.FileDescriptorSet.FromString(stream.read())
pool = descriptor_pool.DescriptorPool()
for one in described.file:
    pool.Add(one)
factory = message_factory.MessageFactory(pool)
message = factory.GetPrototype(pool.FindMessageTypeByName(name))()
message.ParseFromString(sys.stdin.buffer.read())
json.dump(json_format.MessageToDict(message, preserving_proto_field_name=True), sys.stdout)
