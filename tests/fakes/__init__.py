"""The other sides of our sockets and ports, strict and faulty on demand."""
