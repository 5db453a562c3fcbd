"""Answers every request with a greeting."""
import os
import socket

server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    client, _ = server.accept()
    with client:
        client.recv(1024)
        text = f"{os.environ['GREETING']} from Python\n"
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + text.encode())
