#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--check") == 0)
		return fputs(answer(), stdout) < 0;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(getenv("PORT"))),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1, server = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 8)) {
		perror("listen");
		return 1;
	}
	for (;;) {
		char request[1024];
		int client = accept(server, NULL, NULL);
		if (client < 0 || read(client, request, sizeof request) < 0)
			return 1;
		dprintf(client, "HTTP/1.0 200 OK\r\n\r\n%s", answer());
		close(client);
	}
}
