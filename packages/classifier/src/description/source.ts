/** A description file's text and the name it has in messages. */
export interface DescriptionSource {
  readonly file: string;
  readonly text: string;
}
