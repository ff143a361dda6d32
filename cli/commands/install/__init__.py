"""What puts warmroute into other programs: docker's commands, kubectl's."""
