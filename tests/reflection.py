"""What `grpcurl -plaintext -H 'authorization: Bearer …' ADDRESS SERVICE/METHOD` does: asks the server for its own
description, makes the request of it and prints the answer as JSON. Knows no proto file."""

import sys

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main(address: str, session: str, method: str) -> None:
    channel = grpc.insecure_channel(address)
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    service, name = method.split("/")
    described = pool.FindServiceByName(service).FindMethodByName(name)
    request = message_factory.GetMessageClass(described.input_type)
    answer = message_factory.GetMessageClass(described.output_type)
    call = channel.unary_unary(
        f"/{method}", request_serializer=request.SerializeToString, response_deserializer=answer.FromString
    )
    metadata = [("authorization", f"Bearer {session}")]
    print(json_format.MessageToJson(call(request(), metadata=metadata, timeout=10)))


main(*sys.argv[1:])
